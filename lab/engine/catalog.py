"""The engines this lab can start, as data.

Every coordinate is pinned here, and every file that follows from it, with its sha256, in ``locks/<id>.json``.
Elasticsearch is there for tests only: its licences do not allow to ship it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

#: Compiles the small main classes in ``java/`` on any Java runtime, so that no JDK is needed.
COMPILER = "org.eclipse.jdt:ecj:3.40.0"


@dataclass(frozen=True)
class Module:
    """One folder of an engine's ``modules/``: its artifacts and what its descriptor says."""

    name: str
    artifacts: Tuple[str, ...]
    classname: str
    extends: str = ""
    #: False: the module does not work on the packaged runtime (no locale data in it), and is left out there.
    on_bundled_java: bool = True


@dataclass(frozen=True)
class EngineSpec:
    """One engine of the catalogue."""

    id: str
    product: str
    version: str
    #: Folder in ``java/`` with the main class for this family of engines.
    server: str
    java_min: int
    java_max: int
    #: Major version of the packaged runtime used when the machine has no suitable Java.
    java_bundled: int
    lib: Tuple[str, ...]
    modules: Tuple[Module, ...] = ()
    #: Zip artifacts unpacked into ``plugins/``.
    plugins: Tuple[str, ...] = ()
    secured: bool = False

    @property
    def major(self) -> int:
        """The engine's major version."""
        return int(self.version.split(".")[0])


def _opensearch_modules(version: str) -> Tuple[Module, ...]:
    suffix = "Plugin" if version.startswith("2.") else "ModulePlugin"

    def module(name: str, artifact: str, stem: str, **more: object) -> Module:
        coordinate = f"org.opensearch.plugin:{artifact}:{version}"
        return Module(name, (coordinate,), f"org.opensearch.{stem}{suffix}", **more)  # type: ignore[arg-type]

    return (
        module("transport-netty4", "transport-netty4-client", "transport.Netty4"),
        module("lang-painless", "lang-painless", "painless.Painless"),
        # Its Thai tokenizer asks for locale data that the packaged runtime lacks; index creation then fails.
        module(
            "analysis-common",
            "analysis-common",
            "analysis.common.CommonAnalysis",
            extends="lang-painless",
            on_bundled_java=False,
        ),
        module("ingest-common", "ingest-common", "ingest.common.IngestCommon", extends="lang-painless"),
        module("lang-mustache", "lang-mustache-client", "script.mustache.Mustache"),
        module("mapper-extras", "mapper-extras-client", "index.mapper.MapperExtras"),
        module("parent-join", "parent-join-client", "join.ParentJoin"),
        module("percolator", "percolator-client", "percolator.Percolator"),
        module("reindex", "reindex-client", "index.reindex.Reindex"),
    )


def _opensearch_lib(version: str, classloader: str, log4j: str) -> Tuple[str, ...]:
    return (
        f"org.opensearch:opensearch:{version}",
        f"org.opensearch:opensearch-plugin-classloader:{classloader}",
        f"org.apache.logging.log4j:log4j-core:{log4j}",
        "org.locationtech.jts:jts-core:1.15.0",
        "org.locationtech.spatial4j:spatial4j:0.7",
    )


_ALL = (
    EngineSpec(
        id="opensearch-2.19",
        product="opensearch",
        version="2.19.4",
        server="opensearch",
        java_min=17,
        java_max=21,
        java_bundled=17,
        # The class loader of 2.19.4 was never published; 2.19.1's has the same source.
        lib=_opensearch_lib("2.19.4", classloader="2.19.1", log4j="2.21.0"),
        modules=_opensearch_modules("2.19.4"),
    ),
)

ENGINES: Dict[str, EngineSpec] = {spec.id: spec for spec in _ALL}
DEFAULT_ENGINE = "opensearch-2.19"
