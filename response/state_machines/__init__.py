"""The workflow of an incident as Step Functions has it. ``python -m response.state_machines`` writes the definition."""
