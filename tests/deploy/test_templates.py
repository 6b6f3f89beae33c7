"""Index templates: every engine takes them and gives them back as they are, and what a user edits stays."""

from __future__ import annotations

import json

import pytest

from collectors.errors import TemplateRefused
from collectors.sources.registry import LOGS
from collectors.store.object_fields import COMPONENT, NOT_INDEXED, OBJECTS
from collectors.store.templates import DEPLOY, TEMPLATES, ensure_template, pieces, pieces_for, template
from es_bridge.dialect import Dialect, detect
from tests.conftest import GOLDEN
from tests.deploy.conftest import DAY
from tests.zstd import CODEC, lacks_zstd

NAMES = list(LOGS)


# --- the files -------------------------------------------------------------------------------------------------------


def test_every_file_of_templates_belongs_to_a_log():
    used = {f"{piece.name}.json" for dataset in TEMPLATES for piece in pieces(dataset)}
    found = {file.name for kind in ("component", "index") for file in DEPLOY.glob(f"*/{kind}_templates/*.json")}
    assert {name for name in found if not name.startswith("lifecycle-")} == {
        name for name in used if not name.endswith("-lifecycle.json")
    }


def test_every_log_has_an_index_template_with_its_own_pattern_and_an_alias():
    patterns = [template(dataset)["index_patterns"] for dataset in TEMPLATES]
    assert patterns == [[f"{each.name}-*"] for each in TEMPLATES.values()]
    for dataset in LOGS:
        assert template(dataset)["template"]["aliases"] == {LOGS[dataset].index_prefix.rstrip("-"): {}}
    # Two templates of one priority may not match one name: an engine refuses the second.
    names = [f"{each.name}-{DAY}" for each in TEMPLATES.values()]
    for [pattern] in patterns:
        assert sum(name.startswith(pattern[:-1]) for name in names) == 1


def leaves(properties, path=""):
    for name, field in properties.items():
        yield f"{path}{name}", field
        for inner in ("properties", "fields"):
            yield from leaves(field.get(inner, {}), f"{path}{name}.")


@pytest.mark.parametrize("dataset", list(TEMPLATES))
def test_no_value_can_make_an_engine_refuse_a_document_by_its_size_or_form(dataset):
    for piece in pieces(dataset):
        mappings = piece.body["template"].get("mappings", {})
        assert mappings.get("dynamic", False) is False
        for path, field in leaves(mappings.get("properties", {})):
            kind = field.get("type", "object")
            assert kind in ("object", "keyword", "text", "ip", "date", "integer", "long", "float", "alias"), path
            if kind == "keyword" and field.get("index", True):
                assert field["ignore_above"] == 8191, path  # UTF-8 of so many characters is a term of 32,764 bytes
            if kind in ("ip", "integer", "long", "float") or (kind == "date" and path != "@timestamp"):
                assert field["ignore_malformed"] is True, path


def test_one_name_has_one_type_in_all_logs():
    """A query over all logs means one thing, and no engine refuses it for one of them."""
    seen = {}
    for dataset in LOGS:
        for piece in pieces(dataset):
            for path, field in leaves(piece.body["template"].get("mappings", {}).get("properties", {})):
                kind = (field.get("type", "object"), field.get("normalizer", ""))
                seen.setdefault(path, {}).setdefault(kind, set()).add(dataset)
    assert {path: kinds for path, kinds in seen.items() if len(kinds) > 1} == {}


def test_what_may_hold_addresses_or_names_has_the_addresses_beside_it():
    found = {
        path
        for dataset in LOGS
        for piece in pieces(dataset)
        for path, field in leaves(piece.body["template"].get("mappings", {}).get("properties", {}))
        if path.endswith(".ip") and field["type"] == "ip"
    }
    assert found == {
        "source.ip",
        "destination.ip",
        "sourceIPAddress.ip",
        "answers.Rdata.ip",
        "rateBasedRuleList.limitValue.ip",
    }


# --- on the engines --------------------------------------------------------------------------------------------------


def test_every_engine_takes_all_templates_and_gives_them_back_as_they_are(any_store):
    names = [word for dataset in TEMPLATES for word in ("--dataset", dataset)]
    first = any_store.run("apply", *names)
    assert first.returncode == 0, first.stderr
    assert "unchanged" not in first.stdout
    again = any_store.run("apply", "--dry-run", *names)
    assert again.returncode == 0, again.stdout + again.stderr
    assert {line.split()[-1] for line in again.stdout.splitlines()[2:]} == {"unchanged"}
    for dataset in TEMPLATES:
        assert not ensure_template(any_store.transport, dataset)


@pytest.mark.parametrize("dataset", NAMES)
def test_an_index_that_a_bulk_request_creates_has_mapping_settings_and_alias(any_store, dataset):
    any_store.apply_templates(dataset)
    prefix = LOGS[dataset].index_prefix
    index = prefix + DAY
    document = {
        "@timestamp": "1998-04-05T06:07:08.000Z",
        "event": {"dataset": "aws.test", "oversized": ["userAgent"]},
        "source": {"ip": "198.51.100.7", "port": 443, "geo": {"country_iso_code": "NL"}, "as": {"number": 64500}},
        "cloud": {"account": {"id": "111122223333"}},
        "unmapped": {"source": {"any": ["thing"]}},
        "neverHeardOf": {"a": {"b": 1}},
    }
    assert [item["status"] for item in any_store.bulk(index, [document])] == [201]
    found = any_store.transport.request("GET", (index,)).json()[index]
    assert list(found["aliases"]) == [prefix.rstrip("-")]
    settings = found["settings"]["index"]
    assert (settings["sort"]["field"], settings["number_of_replicas"]) == (["@timestamp"], "1")
    assert settings["codec"] == (CODEC if lacks_zstd(any_store.engine.id) else "best_compression")
    word = prefix.split("-")[1]
    for pattern in (f"*{word}*", prefix.rstrip("-"), f"{prefix}*"):
        for query in ('source.ip:"198.51.100.0/24"', "source.as.number:>=64500", "event.oversized:userAgent"):
            assert any_store.count(pattern, query) == 1, (pattern, query)
        assert any_store.count(pattern, "neverHeardOf.a.b:1") == 0
    mapped = found["mappings"]["properties"]
    assert "neverHeardOf" not in mapped
    assert mapped["source"]["properties"]["ip"]["type"] == "ip"


def documents_in(value):
    """Yield the documents of a golden file, wherever they are in it."""
    if isinstance(value, dict) and "@timestamp" in value and "event" in value:
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from documents_in(each)


@pytest.mark.parametrize("dataset", NAMES)
def test_golden_documents_are_stored_and_found_by_every_field_that_is_mapped(store, dataset):
    files = sorted((GOLDEN / dataset).glob("**/*.json")) if GOLDEN.is_dir() else []
    texts = [file.read_bytes().decode("utf-8", "surrogatepass") for file in files]
    documents = [each for text in texts for each in documents_in(json.loads(text))]
    if not documents:
        pytest.skip(f"tests/golden/{dataset} has no documents")
    store.apply_templates(dataset)
    index = LOGS[dataset].index_prefix + DAY
    items = store.bulk(index, documents)
    assert [item for item in items if item["status"] != 201] == []
    for document, item in zip(documents, items):
        hit = store.transport.request("GET", (index, "_doc", item["_id"])).json()
        assert hit["_source"] == document
    properties = store.transport.request("GET", (index, "_mapping")).json()[index]["mappings"]["properties"]
    indexed = [(path, field) for path, field in leaves(properties) if field.get("index", True)]
    searchable = {path for path, field in indexed if field.get("type") in ("keyword", "ip", "date", "long", "float")}
    used = {path for document in documents for path in paths_of(document)} & searchable
    assert len(used) > 8
    for path in sorted(used):
        query = {"bool": {"should": [{"exists": {"field": path}}, {"term": {"_ignored": path}}]}}
        assert store.transport.request("POST", (index, "_count"), body={"query": query}).json()["count"], path


def paths_of(value, path=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths_of(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from paths_of(inner, path)
    elif value is not None:
        yield path


# --- what stays, what is written -------------------------------------------------------------------------------------


def test_an_edited_template_stays_until_ours_changes_or_somebody_insists(store):
    assert store.run("apply", "--dataset", "waf").returncode == 0
    edited = store.template("index_template", "aws-waf")
    edited["template"]["settings"]["index"]["number_of_shards"] = "3"
    store.transport.request("PUT", ("_index_template", "aws-waf"), body=edited)

    assert not ensure_template(store.transport, "waf")
    kept = store.run("apply", "--dataset", "waf")
    assert kept.returncode == 0
    assert "kept: edited in the cluster" in kept.stdout
    dry = store.run("apply", "--dataset", "waf", "--dry-run")
    assert dry.returncode == 1
    changed = [line for line in dry.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert [line.split() for line in changed] == [
        ["-", '"number_of_shards":', '"3"'],
        ["+", '"number_of_shards":', '"1"'],
    ]
    assert store.template("index_template", "aws-waf")["template"]["settings"]["index"]["number_of_shards"] == "3"

    insisting = store.run("apply", "--dataset", "waf", "--overwrite")
    assert insisting.stdout.count("overwritten") == 1
    assert store.template("index_template", "aws-waf")["template"]["settings"]["index"]["number_of_shards"] == "1"

    edited["_meta"]["sha256"] = "of an older version"
    store.transport.request("PUT", ("_index_template", "aws-waf"), body=edited)
    assert ensure_template(store.transport, "waf")
    assert store.template("index_template", "aws-waf")["template"]["settings"]["index"]["number_of_shards"] == "1"


def test_a_dry_run_shows_everything_that_is_missing_and_writes_nothing(store):
    dry = store.run("apply", "--dry-run", "--dataset", "cloudtrail")
    assert dry.returncode == 1
    assert dry.stdout.count("would be created") == 6
    added = "\n".join(line[1:] for line in dry.stdout.splitlines() if line.startswith("+") and line[:3] != "+++")
    for piece in pieces_for(store.transport, detect(store.transport), "cloudtrail"):
        piece.body["_meta"].pop("sha256")
        assert json.dumps(piece.body, indent=2, sort_keys=True) in added
    assert store.transport.request("GET", ("_index_template", "aws-cloudtrail"), accept_status=(404,)).status == 404


def test_the_loader_never_takes_a_lifecycle_away(store):
    assert ensure_template(store.transport, "waf")
    for piece in pieces("waf", lifecycle="self-managed"):
        if piece.name == "aws-waf-lifecycle":
            store.transport.request("PUT", piece.path, body=piece.body)
    assert not ensure_template(store.transport, "waf")
    applied = store.run("apply", "--dataset", "waf", "--overwrite")
    assert "left as it is" in applied.stdout
    setting = store.template("component_template", "aws-waf-lifecycle")["template"]["settings"]["index"]
    assert setting["routing"]["allocation"]["exclude"]["temp"] == "warm,cold"


def indexed_in(store):
    """Return the objects that the template in the cluster indexes."""
    properties = store.template("component_template", COMPONENT)["template"]["mappings"]["properties"]
    assert set(properties) == set(OBJECTS)
    return tuple(name for name in OBJECTS if properties[name] != NOT_INDEXED)


def test_which_objects_are_indexed_is_chosen_once_and_the_loader_goes_on_with_it(store):
    assert ensure_template(store.transport, "cloudtrail")
    assert indexed_in(store) == OBJECTS
    chosen = ("--dataset", "cloudtrail", "--index-objects", "additionalEventData,requestParameters")
    dry = store.run("apply", "--dry-run", *chosen)
    assert dry.returncode == 1
    said = (
        "searchable by any member: requestParameters, additionalEventData (flat_object); stored only: responseElements"
    )
    assert said in dry.stdout
    assert store.run("apply", *chosen).returncode == 0
    assert indexed_in(store) == ("requestParameters", "additionalEventData")

    assert not ensure_template(store.transport, "cloudtrail")
    again = store.run("apply", "--dataset", "cloudtrail")
    assert said in again.stdout
    assert "updated" not in again.stdout
    # What another file of ours changes does not change the choice.
    component = store.template("component_template", COMPONENT)
    component["_meta"]["sha256"] = "of an older version"
    component["template"]["mappings"]["properties"]["requestParameters"] = NOT_INDEXED
    store.transport.request("PUT", ("_component_template", COMPONENT), body=component)
    assert ensure_template(store.transport, "cloudtrail")
    assert indexed_in(store) == ("requestParameters", "additionalEventData")
    assert ensure_template(store.transport, "cloudtrail", ())
    assert indexed_in(store) == ()
    assert store.run("apply", "--dataset", "cloudtrail", "--index-objects", "all").returncode == 0
    assert indexed_in(store) == OBJECTS


def test_a_choice_that_an_engine_cannot_follow_is_an_error_and_stores_all_the_same(store_by_id):
    store = store_by_id("opensearch-1.3")
    done = store.run("apply", "--dataset", "cloudtrail", "--index-objects", "requestParameters")
    assert done.returncode == 1
    assert "none: opensearch 1.3.0 has no type for it (OpenSearch from 2.19, Elasticsearch from 8)" in done.stdout
    assert indexed_in(store) == ()
    wrong = store.run("apply", "--dataset", "cloudtrail", "--index-objects", "requestParameter")
    assert wrong.returncode == 2
    assert "'requestParameter' is none of requestParameters, responseElements" in wrong.stderr


def test_an_account_that_is_not_told_the_version_leaves_the_objects_as_they_are(store, monkeypatch):
    assert ensure_template(store.transport, "cloudtrail")
    monkeypatch.setattr("collectors.store.templates.detect", lambda transport: Dialect())
    assert not ensure_template(store.transport, "cloudtrail")
    assert indexed_in(store) == OBJECTS
    store.clear()
    assert ensure_template(store.transport, "cloudtrail")
    assert indexed_in(store) == ()
    monkeypatch.undo()
    assert ensure_template(store.transport, "cloudtrail")
    assert indexed_in(store) == OBJECTS


def test_show_prints_requests_that_an_administrator_can_send(store):
    shown = store.run("show", "--dataset", "route53_resolver")
    assert shown.returncode == 0
    for request in shown.stdout.strip().split("\n\n"):
        line, _, body = request.partition("\n")
        method, path = line.split()
        store.transport.request(method, path.split("/"), body=json.loads(body))
    assert not ensure_template(store.transport, "route53_resolver")


def test_a_template_of_somebody_else_with_our_pattern_and_priority_is_named(store):
    other = {"index_patterns": ["aws-waf-1998*"], "priority": 200}
    store.transport.request("PUT", ("_index_template", "other"), body=other)
    try:
        done = store.run("apply", "--dataset", "waf")
    finally:
        store.transport.request("DELETE", ("_index_template", "other"))
    assert done.returncode == 1
    assert "the cluster does not take the index template aws-waf" in done.stderr
    assert "other" in done.stderr
    assert "Traceback" not in done.stderr


# --- permissions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine_id", ["opensearch-2.19-secured", "opensearch-3-secured"])
def test_the_loaders_role_cannot_touch_templates_and_needs_no_right_for_aliases(store_by_id, engine_id):
    store = store_by_id(engine_id)
    with store.transport_as("loader") as loader, pytest.raises(TemplateRefused, match="--no-template"):
        ensure_template(loader, "vpc_flow")
    done = store.run("apply", "--dataset", "vpc_flow", user="loader")
    assert done.returncode == 1
    assert "may not read or write the component template aws-logs-settings" in done.stderr
    assert store.engine.users["loader"] not in done.stderr + done.stdout

    ensure_template(store.transport, "vpc_flow")
    index = f"aws-vpcflow-{DAY}"
    items = store.bulk(index, [{"@timestamp": "1998-04-05T06:07:08.000Z"}], user="loader")
    assert [item["status"] for item in items] == [201]
    store.transport.request("POST", (index, "_refresh"))
    assert store.count("aws-vpcflow") == 1
    with store.transport_as("reader") as reader:
        assert reader.request("GET", ("aws-vpcflow", "_search")).json()["hits"]["total"]["value"] == 1
