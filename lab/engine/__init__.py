"""Real search engines for the demo and the tests: OpenSearch and Elasticsearch as processes of their own."""

from .catalog import DEFAULT_ENGINE, ENGINES, EngineSpec
from .cluster import Cluster, start_cluster
from .errors import EngineUnavailable
from .process import Engine, start_engine

__all__ = [
    "DEFAULT_ENGINE",
    "ENGINES",
    "Cluster",
    "Engine",
    "EngineSpec",
    "EngineUnavailable",
    "start_cluster",
    "start_engine",
]
