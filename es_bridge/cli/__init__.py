"""The bridge's own commands: ``search``, ``indices`` and ``ping``."""
