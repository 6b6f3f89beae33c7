"""Saved objects of OpenSearch Dashboards: whole, over fields that there are, and what a panel asks an engine answers.

No OpenSearch Dashboards runs here; docs/opensearch_dashboards.md says what that leaves open.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from collectors.sources.registry import LOGS
from collectors.store.saved_objects import COLUMNS, FILE, FORMS, rendered
from collectors.store.saved_objects import LOGS as OVERVIEWS
from savedsearches.content.template_fields import fields_of
from tests.conftest import GOLDEN
from tests.deploy.conftest import DAY
from tests.deploy.test_templates import documents_in

OBJECTS = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
BY_ID = {(each["type"], each["id"]): each for each in OBJECTS}


def of_kind(kind):
    return [pytest.param(each, id=each["id"]) for each in OBJECTS if each["type"] == kind]


def nested(value, name=""):
    """Yield (name, what it parses to) of each text that is JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from nested(inner, key)
    elif isinstance(value, str) and (name.endswith("JSON") or name == "visState"):
        yield name, json.loads(value)


def pattern_of(thing):
    [target] = [each["id"] for each in thing["references"] if each["type"] == "index-pattern"]
    return BY_ID["index-pattern", target]["attributes"]["title"]


def test_the_file_is_what_the_table_makes():
    assert FILE.read_text("utf-8") == rendered(), "python -m collectors.store.saved_objects"


def test_every_log_has_an_index_pattern_a_search_and_a_dashboard():
    prefixes = {log.index_prefix.rstrip("-") for log in LOGS.values()}
    assert set(OVERVIEWS) == prefixes
    for prefix in prefixes:
        assert BY_ID["index-pattern", prefix]["attributes"] == {"title": f"{prefix}-*", "timeFieldName": "@timestamp"}
        assert ("search", f"{prefix}-newest") in BY_ID
        assert ("dashboard", f"{prefix}-overview") in BY_ID


def test_no_id_and_no_title_is_there_twice():
    for name in (lambda each: each["id"], lambda each: each["attributes"]["title"]):
        doubled = {what: count for what, count in Counter((o["type"], name(o)) for o in OBJECTS).items() if count > 1}
        assert doubled == {}


@pytest.mark.parametrize("thing", [pytest.param(each, id=f"{each['type']}-{each['id']}") for each in OBJECTS])
def test_an_object_is_whole(thing):
    assert thing["migrationVersion"] == FORMS[thing["type"]]
    assert re.fullmatch(r"[a-z_-]+", thing["id"])
    references = {each["name"]: (each["type"], each["id"]) for each in thing["references"]}
    assert len(references) == len(thing["references"])
    before = OBJECTS[: OBJECTS.index(thing)]
    assert [target for target in references.values() if target not in {(o["type"], o["id"]) for o in before}] == []
    # A name that nothing refers to by is as wrong as one that leads nowhere.
    texts = json.dumps([parsed for _, parsed in nested(thing["attributes"])])
    assert set(re.findall(r'"(?:panelRefName|indexRefName)": "([^"]+)"', texts)) == set(references)
    if thing["type"] == "visualization":
        states = dict(nested(thing["attributes"]))
        assert states["visState"]["title"] == thing["attributes"]["title"]


@pytest.mark.parametrize("thing", of_kind("dashboard"))
def test_panels_lie_side_by_side_and_every_panel_of_the_log_is_there(thing):
    panels = dict(nested(thing["attributes"]))["panelsJSON"]
    taken = Counter()
    for panel in panels:
        grid = panel["gridData"]
        assert grid["i"] == panel["panelIndex"]
        assert grid["x"] + grid["w"] <= COLUMNS
        taken.update(
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        )
    assert max(taken.values()) == 1
    assert len(taken) == COLUMNS * (1 + max(y for _, y in taken)), "a hole in the page"
    log = thing["id"][: -len("-overview")]
    shown = {each["id"] for each in thing["references"]}
    assert shown == {
        o["id"] for o in OBJECTS if o["type"] in ("visualization", "search") and pattern_of(o) == f"{log}-*"
    }


@pytest.mark.parametrize("thing", of_kind("visualization") + of_kind("search"))
def test_every_field_is_in_the_templates(thing):
    [fields] = fields_of(pattern_of(thing))
    states = dict(nested(thing["attributes"]))
    counted = [each["params"]["field"] for each in states.get("visState", {}).get("aggs", []) if each["params"]]
    query = states["searchSourceJSON"]["query"]["query"]
    asked = re.findall(r"_exists_:([\w.@]+)|\b([\w.@]+):", query)
    assert bool(asked) == bool(query)
    assert [name for name in counted if not fields.has(name, counted=True)] == []
    shown = [*thing["attributes"].get("columns", []), *(first or second for first, second in asked)]
    assert [name for name in shown if not fields.has(name)] == []


# --- on an engine ----------------------------------------------------------------------------------------------------


def request_of(thing):
    """Return what a visualization asks: its buckets inside each other, its metrics in the innermost."""
    states = dict(nested(thing["attributes"]))
    aggs = states["visState"]["aggs"]
    inner = {each["id"]: {"sum": {"field": each["params"]["field"]}} for each in aggs if each["type"] == "sum"}
    for bucket in reversed([each for each in aggs if each["type"] in ("terms", "date_histogram")]):
        params = bucket["params"]
        if bucket["type"] == "date_histogram":
            body = {"field": params["field"], "fixed_interval": "1h", "min_doc_count": 1}
            inner = {bucket["id"]: {"date_histogram": body, "aggs": inner}}
            continue
        order_by = "_count" if params["orderBy"] == "1" else params["orderBy"]
        terms = {"field": params["field"], "size": params["size"], "order": {order_by: params["order"]}}
        sums = {each["id"]: {"sum": {"field": each["params"]["field"]}} for each in aggs if each["type"] == "sum"}
        inner = {bucket["id"]: {"terms": terms, "aggs": {**sums, **inner}}}
    text = states["searchSourceJSON"]["query"]["query"]
    query = {"query_string": {"query": text, "analyze_wildcard": True}} if text else {"match_all": {}}
    return {"size": 0, "query": query, "aggs": inner}


def rows_of(aggregations):
    """Return the number of innermost rows of an answer."""
    found = [each["buckets"] for each in aggregations.values() if isinstance(each, dict) and "buckets" in each]
    if not found:
        return 1
    subs = [{k: v for k, v in bucket.items() if isinstance(v, dict)} for bucket in found[0]]
    return sum(rows_of(sub) for sub in subs)


@pytest.mark.parametrize("dataset", list(LOGS))
def test_every_panel_of_a_log_has_rows_over_its_documents(store, dataset):
    store.apply_templates(dataset)
    files = sorted((GOLDEN / dataset).glob("**/*.json"))
    texts = [file.read_bytes().decode("utf-8", "surrogatepass") for file in files]
    documents = [each for text in texts for each in documents_in(json.loads(text))]
    for document in documents:  # As the loader adds it with --mmdb
        if "ip" in document.get("source", {}):
            document["source"]["geo"] = {"country_iso_code": "NL"}
    assert {item["status"] for item in store.bulk(LOGS[dataset].index_prefix + DAY, documents)} == {201}
    panels = [
        o for o in OBJECTS if o["type"] == "visualization" and pattern_of(o).startswith(LOGS[dataset].index_prefix)
    ]
    rows = {}
    for panel in panels:
        answer = store.transport.request("POST", (pattern_of(panel), "_search"), body=request_of(panel)).json()
        assert answer["_shards"]["failed"] == 0, panel["id"]
        rows[panel["id"]] = rows_of(answer["aggregations"])
    assert len(rows) == len(OVERVIEWS[LOGS[dataset].index_prefix.rstrip("-")].panels)
    assert [name for name, count in rows.items() if not count] == []
