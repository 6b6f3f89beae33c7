"""What asks whether a definition in Amazon States Language is right, as AWS would: `lint`."""

from lab.state_machines.linter import lint

__all__ = ["lint"]
