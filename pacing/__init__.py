"""How fast somebody may be asked: waits and calls a second. Below the bridges, which do not know each other."""
