"""Write the definition: ``python -m response.state_machines``."""

from __future__ import annotations

from response.state_machines.definition import FILE, text

if __name__ == "__main__":
    FILE.write_text(text())
