"""How fast somebody may be asked: waits between attempts. Below the bridges, which do not know each other."""
