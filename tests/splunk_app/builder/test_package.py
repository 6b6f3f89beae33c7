"""What is in the archive, and what is not."""

from __future__ import annotations

import configparser
import json
import re
import tarfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import Dict, List

import pytest
from aws_account_settings.accounts import SECRET_KEYS as ACCOUNT_SECRETS
from aws_inputs.kinds import KINDS
from cluster_settings.conf import SECRET_KEYS as CLUSTER_SECRETS
from event_collector_settings.collectors import SECRET_KEYS as COLLECTOR_SECRETS
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .conftest import ROOT

APP = "aws_siem_bridge"
MOST_MB = 15
TABS = ("cluster", "access", "aws_account", "hec", "settings")


@pytest.fixture(scope="module")
def names(archive: Path) -> List[PurePosixPath]:
    with tarfile.open(archive) as tar:
        return [PurePosixPath(name) for name in tar.getnames()]


@pytest.fixture(scope="module")
def metadata(installed_app: Path) -> Dict[str, Message]:
    """Return the metadata of each vendored package, by its name."""
    found = [
        HeaderParser().parsestr(path.read_text("utf-8")) for path in installed_app.glob("lib/*.dist-info/METADATA")
    ]
    return {canonicalize_name(package["Name"]): package for package in found}


def conf(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), default_section="default")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path, "utf-8")
    return parser


def test_it_is_small(archive: Path) -> None:
    assert archive.stat().st_size < MOST_MB * 1_000_000


def test_everything_is_in_one_folder_called_as_the_app(names: List[PurePosixPath]) -> None:
    assert {name.parts[0] for name in names} == {APP}
    assert len(set(names)) == len(names)


def test_nothing_is_compiled_for_one_platform_or_python(names: List[PurePosixPath]) -> None:
    assert [
        n for n in names if n.suffix in (".so", ".pyd", ".dll", ".dylib", ".pyc", ".exe") or "__pycache__" in n.parts
    ] == []


def test_nothing_of_the_machine_that_built_it(names: List[PurePosixPath], installed_app: Path) -> None:
    assert not [
        n for n in names if n.parts[1:3] == ("lib", "bin") or n.name in ("RECORD", "INSTALLER", "direct_url.json")
    ]
    paths = (str(ROOT).encode(), str(Path.home()).encode() + b"/")
    files = [path for path in installed_app.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert [path for path in files if any(own in path.read_bytes() for own in paths)] == []


def test_no_tests_and_no_command_line_are_carried_along(names: List[PurePosixPath]) -> None:
    assert [n for n in names if "tests" in n.parts or n.parts[:4] == (APP, "lib", "es_bridge", "cli")] == []
    assert PurePosixPath(APP, "lib", "es_bridge", "transport.py") in names


def test_botocore_knows_only_the_services_of_its_credential_chain(names: List[PurePosixPath]) -> None:
    services = {n.parts[4] for n in names if n.parts[1:4] == ("lib", "botocore", "data") and len(n.parts) > 5}
    assert services == {"sts", "sso", "sso-oidc"}


def test_every_vendored_package_is_the_one_of_the_lock_file(metadata: Dict[str, Message]) -> None:
    locked = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "splunk_app/builder/lib.lock").read_text("utf-8"), re.MULTILINE)
    assert {name: package["Version"] for name, package in metadata.items()} == dict(locked)


def test_every_vendored_package_allows_splunks_pythons(metadata: Dict[str, Message]) -> None:
    for name, package in metadata.items():
        allowed = SpecifierSet(package.get("Requires-Python", ""))
        assert "3.9.18" in allowed and "3.13.0" in allowed, f"{name} wants Python {allowed}"


def test_every_vendored_package_finds_what_it_needs(metadata: Dict[str, Message]) -> None:
    for name, package in metadata.items():
        for line in package.get_all("Requires-Dist", []):
            needed = Requirement(line)
            for python in ("3.9", "3.13"):
                if needed.marker is None or needed.marker.evaluate({"python_version": python, "extra": ""}):
                    there = metadata.get(canonicalize_name(needed.name))
                    assert there is not None, f"{name} needs {needed}, which is not in lib"
                    assert there["Version"] in needed.specifier, f"{name} needs {needed}; lib has {there['Version']}"


def test_the_version_is_the_same_wherever_it_is_written(installed_app: Path, archive: Path) -> None:
    version = json.loads((installed_app / "app.manifest").read_text("utf-8"))["info"]["id"]["version"]
    app = conf(installed_app / "default" / "app.conf")
    assert app["launcher"]["version"] == app["id"]["version"] == version
    assert archive.name == f"{APP}-{version}.tar.gz"
    assert re.search(r'version="(.*)"', (ROOT / "setup.py").read_text("utf-8")).group(1) == version  # type: ignore[union-attr]
    page = json.loads((installed_app / "appserver/static/js/build/globalConfig.json").read_text("utf-8"))
    assert page["meta"]["version"] == version
    assert page["pages"]["configuration"]["description"].endswith(f" Version {version}.")


def test_its_readme_leads_to_its_documentation(installed_app: Path) -> None:
    pages = sorted(installed_app.glob("docs/*.md"))
    assert {page.name for page in pages} == {page.name for page in ROOT.glob("docs/*.md")} | {"CHANGELOG.md"}
    for page in [installed_app / "README.md", *pages]:
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
        assert [target for target in targets if "://" not in target and not (page.parent / target).is_file()] == []
    readme = (installed_app / "README.md").read_text("utf-8")
    for name in ("install", "search_command", "access_and_credentials", "troubleshooting", "verify_on_splunk"):
        assert f"(docs/{name}.md)" in readme


def test_the_handler_of_searches_and_those_of_the_pages_are_registered(installed_app: Path) -> None:
    restmap = conf(installed_app / "default" / "restmap.conf")
    handlers = {section for section in restmap.sections() if section.startswith("admin_external:")}
    tabs = {f"admin_external:{APP}_{tab}" for tab in (*TABS, *KINDS)}
    assert handlers == tabs
    for section in [*tabs, f"script:{APP}_search_settings"]:
        script = restmap[section].get("handlerfile") or restmap[section]["script"]
        assert (installed_app / "bin" / script).is_file()
        assert restmap[section]["python.required"] == "3.9, 3.13"


def test_only_the_pages_are_reachable_through_splunk_web(installed_app: Path) -> None:
    patterns = {
        section["pattern"]
        for name, section in conf(installed_app / "default" / "web.conf").items()
        if name != "default"
    }
    tabs = {f"{APP}_{tab}" for tab in (*TABS, *KINDS)}
    # The last is splunkd's own, for the choice of an index.
    assert patterns == tabs | {f"{tab}/*" for tab in tabs} | {"data/indexes"}


def test_writing_settings_needs_the_apps_own_capability(installed_app: Path) -> None:
    for page in ("configuration", "inputs"):
        endpoints = conf(installed_app / "default" / "restmap.conf")[f"admin:{APP}_{page}"]
        assert {endpoints[f"capability.{method}"] for method in ("post", "put", "delete")} == {f"configure_{APP}"}
    authorize = conf(installed_app / "default" / "authorize.conf")
    assert f"capability::configure_{APP}" in authorize
    given_to = {name for name in authorize.sections() if f"configure_{APP}" in authorize[name]}
    assert given_to == {"role_admin", "role_sc_admin"}


def test_what_indexers_do_not_need_stays_out_of_the_knowledge_bundle(installed_app: Path) -> None:
    denied = dict(conf(installed_app / "default" / "distsearch.conf")["replicationDenylist"])
    # Splunk's pattern language (distsearch.conf.spec): a dot is a dot, ... is anything; relative to etc.
    patterns = [re.compile(re.escape(each).replace(re.escape("..."), ".*")) for each in denied.values()]
    files = [path.relative_to(installed_app) for path in installed_app.rglob("*") if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts]  # of the searches of other tests
    travel = {path for path in files if not any(each.fullmatch(f"apps/{APP}/{path}") for each in patterns)}
    assert {path.parts[0] for path in files} - {path.parts[0] for path in travel} == {"lib", "appserver", "docs"}
    assert sum((installed_app / path).stat().st_size for path in travel) < 600_000
    assert all(name.startswith(APP) for name in denied), "the names are shared with all apps"


def test_settings_reach_every_member_of_a_search_head_cluster(installed_app: Path) -> None:
    included = conf(installed_app / "default" / "server.conf")["shclustering"]
    for name in TABS:
        assert included[f"conf_replication_include.{APP}_{name}"] == "true"


def test_commands_are_for_every_app_and_settings_for_administrators(installed_app: Path) -> None:
    text = (installed_app / "metadata" / "default.meta").read_text("utf-8")
    meta = configparser.RawConfigParser()
    meta.read_string(text.replace("[]", "[everything]"))  # configparser wants a section to have a name
    assert dict(meta["everything"]) == {"access": "read : [ * ], write : [ admin, sc_admin ]", "export": "system"}
    for name in TABS:
        of_conf = dict(meta[f"{APP}_{name}"])
        assert of_conf == {"access": "read : [ admin, sc_admin ], write : [ admin, sc_admin ]", "export": "none"}


def test_every_key_of_the_pages_is_described(installed_app: Path) -> None:
    page = json.loads((installed_app / "appserver/static/js/build/globalConfig.json").read_text("utf-8"))
    for tab in page["pages"]["configuration"]["tabs"]:
        # A tab without a table is a stanza of the settings.
        spec_name = tab["name"] if "table" in tab else "settings"
        spec = (installed_app / "README" / f"{APP}_{spec_name}.conf.spec").read_text("utf-8")
        own = spec if "table" in tab else spec.partition(f"[{tab['name']}]\n")[2].partition("\n[")[0]
        described = set(re.findall(r"^(\w+) = ", own, re.MULTILINE))
        # The name is the stanza's; whether to try the cluster on save is said anew each time.
        shown = {entity["field"] for entity in tab["entity"]} - {"name", "test_on_save"}
        assert shown <= described, f"{tab['name']}: {sorted(shown - described)}"
        assert described - shown <= {"disabled"}, f"{tab['name']}: {sorted(described - shown)}"
        for entity in tab["entity"]:
            assert entity.get("help"), f"{tab['name']}: {entity['field']} has no help"


def test_a_secret_is_encrypted_and_nothing_else_is(installed_app: Path) -> None:
    page = json.loads((installed_app / "appserver/static/js/build/globalConfig.json").read_text("utf-8"))
    encrypted = {
        tab["name"]: {entity["field"] for entity in tab["entity"] if entity.get("encrypted")}
        for tab in page["pages"]["configuration"]["tabs"]
    }
    assert {name: fields for name, fields in encrypted.items() if fields} == {
        "cluster": {*CLUSTER_SECRETS},
        "aws_account": {*ACCOUNT_SECRETS},
        "hec": {*COLLECTOR_SECRETS},
    }
    assert not [entity for service in page["pages"]["inputs"]["services"] for entity in service["entity"]
                if entity.get("encrypted")]  # fmt: skip


def test_the_icons_have_the_sizes_splunk_wants(installed_app: Path) -> None:
    for name, pixels in (("appIcon", 36), ("appIcon_2x", 72), ("appIconAlt", 36), ("appIconAlt_2x", 72)):
        header = (installed_app / "static" / f"{name}.png").read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        assert [int.from_bytes(header[at : at + 4], "big") for at in (16, 20)] == [pixels, pixels]


@pytest.mark.parametrize(
    ("asked", "lock"),
    [("package/lib/requirements.txt", "lib"), ("builder/tools.txt", "tools"), ("builder/checkers.txt", "checkers")],
)
def test_a_lock_file_holds_what_is_asked_for_and_names_no_host(asked: str, lock: str) -> None:
    locked = (ROOT / "splunk_app" / "builder" / f"{lock}.lock").read_text("utf-8")
    assert f"splunk_app/{asked}" in locked, "the header says how to renew it"
    assert "://" not in locked
    pins = re.findall(r"^([\w.-]+)==([\w.]+)(?: ;.*)? \\\n    --hash=sha256:[0-9a-f]{64}", locked, re.MULTILINE)
    assert len(pins) == len(re.findall("^[a-z]", locked, re.MULTILINE)), "every version has a hash"
    versions = {canonicalize_name(name): version for name, version in pins}
    lines = (ROOT / "splunk_app" / asked).read_text("utf-8").splitlines()
    for wanted in (Requirement(line) for line in lines if line and not line.startswith("#")):
        assert versions[canonicalize_name(wanted.name)] in wanted.specifier
