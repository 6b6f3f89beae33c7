"""Checks evidence against its manifest, its chain and its signature, offline: nothing of AWS is trusted."""
