"""The app's own REST handlers: scripts that ``restmap.conf`` names, run in child processes."""
