"""Lifecycle and snapshot policies against the documented schemas, and how they get into a cluster that has a plugin.

No registry has the plugins themselves (ISM, ILM, SM, SLM), so no policy is executed here: docs/lifecycle.md lists what
that leaves open. `test_tiers` does by hand what the policies would have done.
"""

from __future__ import annotations

import copy
import json
import threading
from pathlib import Path
from typing import Any, Dict

import jsonschema
import pytest

from collectors.errors import CollectorError
from collectors.store.lifecycle import LIFECYCLES, policy
from collectors.store.retention import RETENTION
from collectors.store.templates import DEPLOY, TEMPLATES, pieces
from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
from lab.front.server import LocalServer, Received, Reply, forward

SCHEMAS = Path(__file__).parent / "schemas"
ALL = [
    (dataset, engine, lifecycle)
    for dataset in TEMPLATES
    for engine, lifecycle in (
        ("opensearch", "self-managed"),
        ("opensearch", "amazon"),
        ("elasticsearch", "self-managed"),
    )
]


def check(body: Any, schema: str) -> None:
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8"))).validate(body)


# --- schemas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dataset", "engine", "lifecycle"), ALL)
def test_policies_are_as_documented(dataset, engine, lifecycle):
    check(policy(dataset, engine, lifecycle).body, "ism" if engine == "opensearch" else "ilm")


def changed(body: Dict[str, Any], path: str, value: Any) -> Dict[str, Any]:
    body = copy.deepcopy(body)
    *parents, last = path.split("/")
    inner: Any = body
    for name in parents:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    inner[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("policy/states/1/actions", [{"make_warm": {}}]),
        ("policy/states/1/actions", [{"retry": {"count": 3}}]),
        ("policy/states/1/actions", [{"read_only": {}, "delete": {}}]),
        ("policy/states/1/actions", [{"allocation": {"require": {"temp": "warm"}, "wait": True}}]),
        ("policy/states/0/transitions", [{"state_name": "warm", "conditions": {"min_age": "7d"}}]),
        ("policy/states/0/transitions", [{"state_name": "warm", "conditions": {"min_index_age": "$warm_after"}}]),
        ("policy/ism_template", {"index_patterns": ["aws-waf-*"]}),
        ("policy/rollover_alias", "aws-waf"),
    ],
)
def test_the_schema_of_ism_refuses_what_is_not_documented(path, value):
    with pytest.raises(jsonschema.ValidationError):
        check(changed(policy("waf", "opensearch", "self-managed").body, path, value), "ism")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("policy/phases/hot/actions/readonly2", {}),
        ("policy/phases/cold/actions/forcemerge", {"max_num_segments": 1}),
        ("policy/phases/warm/min_index_age", "7d"),
        ("policy/phases/warm/min_age", "$warm_after"),
        ("policy/phases/frosty", {"min_age": "1d", "actions": {}}),
    ],
)
def test_the_schema_of_ilm_refuses_what_is_not_documented(path, value):
    with pytest.raises(jsonschema.ValidationError):
        check(changed(policy("waf", "elasticsearch", "self-managed").body, path, value), "ilm")


@pytest.mark.parametrize(("engine", "schema"), [("opensearch", "sm"), ("elasticsearch", "slm")])
def test_snapshot_policies_are_as_documented(engine, schema):
    folder = DEPLOY / engine / "snapshots"
    snapshots = json.loads((folder / "policy.json").read_text("utf-8"))
    check(snapshots, schema)
    with pytest.raises(jsonschema.ValidationError):
        check({**snapshots, "when": "nightly"}, schema)
    repository = (snapshots.get("snapshot_config") or snapshots)["repository"]
    assert repository == "aws-siem-bridge"
    for file in folder.glob("repository*.json"):
        assert json.loads(file.read_text("utf-8"))["settings"]["base_path"] == repository


# --- what they say ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dataset", "engine", "lifecycle"), ALL)
def test_days_are_those_of_the_one_table_and_every_state_can_be_reached_and_left(dataset, engine, lifecycle):
    days = [f"{each}d" for each in RETENTION[dataset]]
    body = policy(dataset, engine, lifecycle).body["policy"]
    if engine == "elasticsearch":
        assert [phase["min_age"] for phase in body["phases"].values()] == ["0ms", *days]
        return
    assert body["ism_template"][0]["index_patterns"] == [f"{TEMPLATES[dataset].name}-*"]
    states = {state["name"]: state for state in body["states"]}
    way, at = [], body["default_state"]
    while states[at]["transitions"]:
        [transition] = states[at]["transitions"]
        way.append(transition["conditions"]["min_index_age"])
        at = transition["state_name"]
    assert (way, at, len(states)) == (days, "delete", len(way) + 1)


def test_no_policy_rolls_over():
    # An event that comes again would not meet its first copy in another index, and be there twice.
    for dataset, engine, lifecycle in ALL:
        assert "rollover" not in json.dumps(policy(dataset, engine, lifecycle).body)


def test_every_log_that_has_templates_has_a_retention_in_the_order_of_the_tiers():
    assert set(RETENTION) == set(TEMPLATES)
    for days in RETENTION.values():
        assert 0 < days.warm_after_days < days.cold_after_days < days.delete_after_days


def test_the_page_says_the_days_of_the_one_table():
    page = (DEPLOY.parent / "docs" / "lifecycle.md").read_text("utf-8")
    for dataset, days in RETENTION.items():
        warm, cold, end = days
        assert f"| {TEMPLATES[dataset].title} | {warm} days | day {warm} | day {cold} | {end} days |" in page


def test_another_end_is_taken_and_one_before_the_cold_tier_refused():
    body = policy("vpc_flow", "opensearch", "amazon", 400).body
    assert body["policy"]["states"][2]["transitions"][0]["conditions"] == {"min_index_age": "400d"}
    with pytest.raises(CollectorError, match="after 30 days, but is cold after 30"):
        policy("vpc_flow", "opensearch", "amazon", 30)
    with pytest.raises(CollectorError, match="self-managed"):
        policy("vpc_flow", "elasticsearch", "amazon")


def test_elasticsearch_counts_from_the_day_in_the_name_and_opensearch_keeps_new_indices_off_the_slow_nodes():
    for dataset, (name, _) in TEMPLATES.items():
        found = {piece.name: piece.body for piece in pieces(dataset, "elasticsearch", "self-managed")}
        lifecycle = found[f"{name}-lifecycle"]["template"]["settings"]["index"]["lifecycle"]
        assert lifecycle == {"name": name, "parse_origination_date": "true"}
        found = {piece.name: piece.body for piece in pieces(dataset, "opensearch", "self-managed")}
        assert "exclude" in json.dumps(found[f"{name}-lifecycle"])


# --- into the cluster ------------------------------------------------------------------------------------------------


class WithPlugins(LocalServer):
    """An engine with a stand-in for the API of ISM or ILM in front: policies are stored and given back as documented.

    What it leaves out: executing them, checking them, and permissions.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.policies: Dict[str, Dict[str, Any]] = {}
        self._lock = threading.Lock()
        super().__init__()

    def answer(self, received: Received) -> Reply:
        path, _, query = received.target.partition("?")
        name = path.rsplit("/", 1)[1]
        with self._lock:
            if path.startswith("/_plugins/_ism/policies/"):
                return self._ism(received, name, query)
            if path.startswith("/_ilm/policy/"):
                return self._ilm(received, name)
        return forward(self.upstream, received)

    def _ism(self, received: Received, name: str, query: str) -> Reply:
        known = self.policies.get(name)
        if received.method == "GET" and known is None:
            return Reply(404, b'{"error":{"type":"status_exception","reason":"Policy not found"},"status":404}')
        if received.method == "PUT":
            if known is not None and query != f"if_seq_no={known['_seq_no']}&if_primary_term=1":
                return Reply(409, b'{"error":{"type":"version_conflict_engine_exception","reason":"exists"}}')
            sent = json.loads(received.body)["policy"]
            for each in sent["ism_template"]:
                each["last_updated_time"] = 1577990761311
            added = {"policy_id": name, "last_updated_time": 1577990761311, "schema_version": 21}
            number = known["_seq_no"] + 1 if known else 7
            known = {"policy": {**added, "error_notification": None, **sent}, "_seq_no": number, "_primary_term": 1}
            self.policies[name] = known
        return Reply(200, json.dumps({"_id": name, "_version": 1, **(known or {})}).encode())

    def _ilm(self, received: Received, name: str) -> Reply:
        if received.method == "PUT":
            self.policies[name] = json.loads(received.body)
            return Reply(200, b'{"acknowledged":true}')
        if name not in self.policies:
            reason = f"Lifecycle policy not found: {name}"
            return Reply(
                404, json.dumps({"error": {"type": "resource_not_found_exception", "reason": reason}}).encode()
            )
        return Reply(200, json.dumps({name: {"version": 1, "modified_date": "x", **self.policies[name]}}).encode())


def test_ism_policies_are_created_kept_when_edited_and_replaced_on_request(store):
    with WithPlugins(store.engine.url) as server:
        options = ("apply", "--dataset", "waf", "--lifecycle", "self-managed")
        dry = store.run(*options, "--dry-run", url=server.url)
        assert dry.returncode == 1
        assert '"min_index_age": "90d"' in [line[1:].strip() for line in dry.stdout.splitlines() if line[:1] == "+"]
        assert server.policies == {}

        first = store.run(*options, url=server.url)
        assert first.returncode == 0, first.stderr
        assert "no node has node.attr.temp: warm" in first.stderr
        assert store.run(*options, "--dry-run", url=server.url).returncode == 0

        kept = server.policies["aws-waf"]["policy"]
        kept["states"][2]["transitions"][0]["conditions"]["min_index_age"] = "2000d"
        again = store.run(*options, url=server.url)
        assert again.returncode == 0
        assert "kept: edited in the cluster" in again.stdout
        assert "2000d" in json.dumps(server.policies["aws-waf"])
        shown = store.run(*options, "--dry-run", url=server.url)
        assert '"min_index_age": "2000d"' in shown.stdout

        insisting = store.run(*options, "--overwrite", url=server.url)
        assert insisting.returncode == 0, insisting.stderr
        assert "2000d" not in json.dumps(server.policies["aws-waf"])


def test_ilm_policies_are_created_and_then_the_same(store_by_id):
    store = store_by_id("elasticsearch-7.10.2")
    with WithPlugins(store.engine.url) as server:
        options = ("apply", "--dataset", "waf", "--lifecycle", "self-managed")
        first = store.run(*options, url=server.url)
        # The lab's engine has no ILM behind it, so it does not know the setting that names the policy.
        assert "unknown setting [index.lifecycle.name]" in first.stderr
        assert server.policies["aws-waf"] == policy("waf", "elasticsearch", "self-managed").body
        assert "ILM policy          aws-waf                     unchanged" in store.run(*options, url=server.url).stdout


def test_a_cluster_without_the_plugin_gets_its_templates_and_says_so(any_store):
    done = any_store.run("apply", "--dataset", "waf", "--lifecycle", "self-managed")
    assert done.returncode == 1
    assert "has no lifecycle policies of this kind" in done.stderr
    assert "Traceback" not in done.stderr
    assert "index template      aws-waf                     created" in done.stdout
    assert "lifecycle" not in json.dumps(any_store.template("component_template", "aws-waf-lifecycle")["template"])


def test_show_has_the_policy_before_the_templates(store):
    for lifecycle in LIFECYCLES[1:]:
        shown = store.run("show", "--dataset", "waf", "--lifecycle", lifecycle).stdout
        assert shown.startswith("PUT _plugins/_ism/policies/aws-waf\n")
    shown = store.run("show", "--dataset", "waf", "--lifecycle", "self-managed", "--engine", "elasticsearch").stdout
    assert shown.startswith("PUT _ilm/policy/aws-waf\n")
    assert '"parse_origination_date": "true"' in shown


def test_an_account_that_may_not_read_policies_is_told(store):
    refusal = Reply(403, b'{"error":{"type":"security_exception","reason":"no permissions for [ism/policy/get]"}}')

    class Refusing(WithPlugins):
        def _ism(self, received, name, query):
            return refusal

    with Refusing(store.engine.url) as server:
        done = store.run("apply", "--dataset", "waf", "--lifecycle", "amazon", url=server.url)
    assert done.returncode == 1
    assert "may not read or write the ISM policy aws-waf (no permissions for [ism/policy/get])" in done.stderr
    with Transport(ClusterConfig((store.engine.url,), auth=Auth())) as transport:
        assert transport.request("GET", ("_index_template", "aws-waf"), accept_status=(404,)).status == 404
