"""What can go wrong around an engine.

EngineUnavailable        the engine cannot start on this machine (the message says why and what would be needed)
└── ArtifactError        a jar or a Java runtime could not be fetched, or is not the pinned one
"""


class EngineUnavailable(Exception):
    """The engine cannot start here. The message says why and what would be needed."""


class ArtifactError(EngineUnavailable):
    """A pinned file could not be fetched, or what arrived is not the pinned file."""
