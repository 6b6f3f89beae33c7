"""The engines this lab can start, as data.

Every coordinate is pinned here, and every file that follows from it, with its sha256, in ``locks/<id>.json``.
Elasticsearch is there for tests only: its licences do not allow to ship it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

#: Compiles the small main classes in ``java/`` on any Java runtime, so that no JDK is needed.
COMPILER = "org.eclipse.jdt:ecj:3.40.0"

#: Nothing newer has been tried.
NEWEST_JAVA = 25


@dataclass(frozen=True)
class Module:
    """One folder of an engine's ``modules/``: its artifacts and what its descriptor says."""

    name: str
    classname: str
    #: Maven coordinates; empty for a module compiled from our own source in ``java/<name>/``.
    artifacts: Tuple[str, ...] = ()
    extends: str = ""
    #: False: the module does not work on the packaged runtime, and is left out there.
    on_bundled_java: bool = True


@dataclass(frozen=True)
class EngineSpec:
    """One engine of the catalogue."""

    id: str
    product: str
    version: str
    #: Folder in ``java/`` with the main class for this family of engines.
    server: str
    #: Major version of Java it needs at least; every engine was seen to run on NEWEST_JAVA too.
    java_min: int
    #: Major version of the packaged runtime used when the machine has no suitable Java.
    java_bundled: int
    lib: Tuple[str, ...]
    modules: Tuple[Module, ...]
    #: Zip artifact unpacked into ``plugins/``: the security plugin.
    security: str = ""
    #: The server's jars must be named modules, so they go on the module path instead of the class path.
    module_path: bool = False

    @property
    def secured(self) -> bool:
        """Whether it wants TLS and users."""
        return bool(self.security)

    @property
    def major(self) -> int:
        """The engine's major version."""
        return int(self.version.split(".")[0])


#: Module -> (artifact on OpenSearch, stem of its class, the module it extends).
_MODULES = {
    "transport-netty4": ("transport-netty4-client", "transport.Netty4", ""),
    "lang-painless": ("lang-painless", "painless.Painless", ""),
    "analysis-common": ("analysis-common", "analysis.common.CommonAnalysis", "lang-painless"),
    "ingest-common": ("ingest-common", "ingest.common.IngestCommon", "lang-painless"),
    "lang-mustache": ("lang-mustache-client", "script.mustache.Mustache", ""),
    "mapper-extras": ("mapper-extras-client", "index.mapper.MapperExtras", ""),
    "parent-join": ("parent-join-client", "join.ParentJoin", ""),
    "percolator": ("percolator-client", "percolator.Percolator", ""),
    "reindex": ("reindex-client", "index.reindex.Reindex", ""),
}
#: Its Thai tokenizer asks for locale data that the packaged runtime lacks; index creation then fails.
_NOT_ON_BUNDLED_JAVA = "analysis-common"


def _opensearch_modules(version: str) -> Tuple[Module, ...]:
    suffix = "ModulePlugin" if version.startswith("3.") else "Plugin"
    return tuple(
        Module(
            name,
            f"org.opensearch.{stem}{suffix}",
            (f"org.opensearch.plugin:{artifact}:{version}",),
            extends,
            on_bundled_java=name != _NOT_ON_BUNDLED_JAVA,
        )
        for name, (artifact, stem, extends) in _MODULES.items()
    )


def _elasticsearch7_modules(version: str) -> Tuple[Module, ...]:
    """Modules of the Apache-licensed 7.10; only this group has them in a registry."""
    return tuple(
        Module(
            name,
            f"org.elasticsearch.{stem}Plugin",
            (f"org.codelibs.elasticsearch.module:{name}:{version}",),
            extends,
            on_bundled_java=name != _NOT_ON_BUNDLED_JAVA,
        )
        for name, (_, stem, extends) in _MODULES.items()
    )


def _elasticsearch_modules(version: str) -> Tuple[Module, ...]:
    """The two modules without which 8 and 9 do not answer: no registry has the others, nor rest-root."""
    netty = f"org.elasticsearch.plugin:transport-netty4:{version}"
    return (
        Module("transport-netty4", "org.elasticsearch.transport.netty4.Netty4Plugin", (netty,)),
        Module("rest-root", "lab.RestRootPlugin"),
    )


def _opensearch_lib(version: str, classloader: str, log4j: str) -> Tuple[str, ...]:
    return (
        f"org.opensearch:opensearch:{version}",
        f"org.opensearch:opensearch-plugin-classloader:{classloader}",
        f"org.apache.logging.log4j:log4j-core:{log4j}",
        "org.locationtech.jts:jts-core:1.15.0",
        "org.locationtech.spatial4j:spatial4j:0.7",
    )


# The class loader of 2.19.4 was never published; that of 2.19.1 has the same source.
_LIB_2_19 = _opensearch_lib("2.19.4", classloader="2.19.1", log4j="2.21.0")

_ALL = (
    EngineSpec(
        id="opensearch-2.19",
        product="opensearch",
        version="2.19.4",
        server="opensearch",
        java_min=17,
        java_bundled=17,
        lib=_LIB_2_19,
        modules=_opensearch_modules("2.19.4"),
    ),
    EngineSpec(
        id="opensearch-3",
        product="opensearch",
        version="3.8.0",
        server="opensearch",
        java_min=21,
        java_bundled=25,
        lib=_opensearch_lib("3.8.0", classloader="3.8.0", log4j="2.25.4"),
        modules=_opensearch_modules("3.8.0"),
    ),
    EngineSpec(
        id="opensearch-1.3",
        product="opensearch",
        version="1.3.0",
        server="opensearch",
        java_min=17,
        java_bundled=17,
        lib=_opensearch_lib("1.3.0", classloader="1.3.0", log4j="2.17.1"),
        modules=_opensearch_modules("1.3.0"),
    ),
    EngineSpec(
        id="opensearch-2.19-secured",
        product="opensearch",
        version="2.19.4",
        server="opensearch",
        java_min=17,
        java_bundled=17,
        lib=_LIB_2_19,
        modules=_opensearch_modules("2.19.4"),
        security="org.opensearch.plugin:opensearch-security:2.19.4.0",
    ),
    EngineSpec(
        id="opensearch-3-secured",
        product="opensearch",
        # The newest 3.x whose security plugin is in a registry without the rule framework it extends.
        version="3.4.0",
        server="opensearch",
        java_min=21,
        java_bundled=25,
        lib=_opensearch_lib("3.4.0", classloader="3.4.0", log4j="2.21.0")
        + ("org.apache.commons:commons-collections4:4.4",),
        modules=_opensearch_modules("3.4.0"),
        security="org.opensearch.plugin:opensearch-security:3.4.0.0",
    ),
    EngineSpec(
        id="elasticsearch-7.10.2",
        product="elasticsearch",
        version="7.10.2",
        server="elasticsearch7",
        java_min=17,
        java_bundled=17,
        lib=(
            "org.elasticsearch:elasticsearch:7.10.2",
            "org.codelibs.elasticsearch.lib:plugin-classloader:7.10.2",
            "org.apache.logging.log4j:log4j-core:2.11.1",
            "org.locationtech.jts:jts-core:1.15.0",
            "org.locationtech.spatial4j:spatial4j:0.7",
        ),
        modules=_elasticsearch7_modules("7.10.2"),
    ),
    EngineSpec(
        id="elasticsearch-8.15",
        product="elasticsearch",
        version="8.15.3",
        server="elasticsearch8",
        java_min=17,
        # The packaged 17 lacks a module it wants, jdk.net.
        java_bundled=25,
        lib=("org.elasticsearch:elasticsearch:8.15.3",),
        modules=_elasticsearch_modules("8.15.3"),
        module_path=True,
    ),
    EngineSpec(
        id="elasticsearch-9.0",
        product="elasticsearch",
        version="9.0.1",
        server="elasticsearch9",
        java_min=21,
        java_bundled=25,
        lib=("org.elasticsearch:elasticsearch:9.0.1",),
        modules=_elasticsearch_modules("9.0.1"),
        module_path=True,
    ),
)

ENGINES: Dict[str, EngineSpec] = {spec.id: spec for spec in _ALL}
DEFAULT_ENGINE = "opensearch-2.19"
