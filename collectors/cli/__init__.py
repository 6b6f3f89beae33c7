"""Sub-commands of ``aws-siem-bridge`` that bring records in."""
