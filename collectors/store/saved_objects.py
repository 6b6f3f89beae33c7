"""What OpenSearch Dashboards shows: ``python -m collectors.store.saved_objects`` writes ``dashboards.ndjson``.

For those who look at the raw store itself: an index pattern, a saved search and a dashboard a log. A panel is a row of
`LOGS`; the engine counts, nothing is fetched to be counted. The format is that of saved objects of OpenSearch
Dashboards 1.x to 3.x, which is Kibana 7.10's: JSON in JSON, references by name.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Tuple

from collectors.store.templates import DEPLOY
from es_bridge.terminal import put

FILE = DEPLOY / "opensearch" / "dashboards.ndjson"
#: The form that each type has here. What reads the file brings it up to its own.
#: https://github.com/opensearch-project/OpenSearch-Dashboards/blob/main/src/plugins/dashboard/server/saved_objects/dashboard_migrations.ts
FORMS = {
    "index-pattern": {"index-pattern": "7.6.0"},
    "search": {"search": "7.9.3"},
    "visualization": {"visualization": "7.10.0"},
    "dashboard": {"dashboard": "7.9.3"},
}
#: Of a panel: 7.3 and later is the form with references. Below that, a panel would be taken for an older form.
PANEL_VERSION = "7.10.2"
#: The grid of a dashboard.
COLUMNS = 48
_HEIGHT = 15
_SOURCE = "kibanaSavedObjectMeta"
_INDEX = f"{_SOURCE}.searchSourceJSON.index"


class Panel(NamedTuple):
    """One visualization: counts over time (``histogram``), or a ``table`` of the most frequent values."""

    name: str
    title: str
    kind: str
    fields: Tuple[str, ...]
    query: str = ""
    sums: Tuple[str, ...] = ()
    size: int = 15


class Log(NamedTuple):
    """What one log shows."""

    title: str
    columns: Tuple[str, ...]
    panels: Tuple[Panel, ...]


#: Prefix of the index templates -> overview.
LOGS: Dict[str, Log] = {
    "aws-cloudtrail": Log(
        "AWS CloudTrail",
        ("userIdentity.arn", "eventSource", "eventName", "errorCode", "sourceIPAddress", "awsRegion"),
        (
            Panel("outcomes", "Calls over time, by outcome", "histogram", ("event.outcome",)),
            Panel("principals", "Who calls", "table", ("userIdentity.type", "userIdentity.arn")),
            Panel("calls", "What is called", "table", ("eventSource", "eventName")),
            Panel("changes", "What is changed", "table", ("eventName", "userIdentity.arn"), "readOnly:false"),
            Panel("errors", "What fails", "table", ("errorCode", "eventName"), "_exists_:errorCode"),
            Panel("root", "The root user", "table", ("eventName", "sourceIPAddress"), "userIdentity.type:Root"),
            Panel(
                "sign_ins",
                "Sign-ins to the console",
                "table",
                ("event.outcome", "userIdentity.arn", "sourceIPAddress"),
                "eventName:ConsoleLogin",
            ),
            Panel("sources", "From where", "table", ("sourceIPAddress",)),
            Panel("places", "Accounts and regions", "table", ("recipientAccountId", "awsRegion")),
        ),
    ),
    "aws-vpcflow": Log(
        "AWS VPC Flow Logs",
        ("action", "source.ip", "destination.ip", "destination.port", "protocol", "bytes", "interface_id"),
        (
            Panel("actions", "Flows over time, accepted and rejected", "histogram", ("action",)),
            Panel("sources", "Sources by bytes", "table", ("source.ip",), sums=("bytes", "packets")),
            Panel("destinations", "Destinations by bytes", "table", ("destination.ip",), sums=("bytes", "packets")),
            Panel("pairs", "Who talks to whom", "table", ("source.ip", "destination.ip"), sums=("bytes",)),
            Panel("rejected", "Rejected: ports", "table", ("destination.port", "source.ip"), "action:REJECT"),
            Panel("interfaces", "Interfaces", "table", ("interface_id",), sums=("bytes", "packets")),
            Panel("countries", "Countries of sources", "table", ("source.geo.country_iso_code",), sums=("bytes",)),
        ),
    ),
    "aws-dns": Log(
        "AWS Route 53 Resolver",
        ("srcaddr", "srcids.instance", "query_name", "query_type", "rcode", "firewall_rule_action"),
        (
            Panel("codes", "Queries over time, by answer", "histogram", ("rcode",)),
            Panel("domains", "Domains", "table", ("dns.question.registered_domain",)),
            Panel("clients", "Who asks", "table", ("srcaddr", "srcids.instance")),
            Panel("failing", "What fails", "table", ("rcode", "query_name"), "NOT rcode:NOERROR"),
            Panel("types", "Types of queries", "table", ("query_type",)),
            Panel(
                "firewall",
                "DNS Firewall",
                "table",
                ("firewall_rule_action", "query_name"),
                "_exists_:firewall_rule_action",
            ),
        ),
    ),
    "aws-waf": Log(
        "AWS WAF",
        ("waf.verdict", "terminatingRuleId", "httpRequest.clientIp", "httpRequest.httpMethod", "httpRequest.uri"),
        (
            Panel("verdicts", "Requests over time, by verdict", "histogram", ("waf.verdict",)),
            Panel("clients", "Who asks", "table", ("httpRequest.clientIp", "httpRequest.country")),
            Panel("paths", "What is asked for", "table", ("httpRequest.host", "httpRequest.uri")),
            Panel("rules", "Which rule decided", "table", ("terminatingRuleId", "action")),
            Panel("blocked", "Blocked: who", "table", ("httpRequest.clientIp", "httpRequest.uri"), "action:BLOCK"),
            Panel("counted", "Rules that only count", "table", ("waf.counted_rules",), "_exists_:waf.counted_rules"),
            Panel("countries", "Countries", "table", ("httpRequest.country", "action")),
            Panel("agents", "User agents", "table", ("user_agent.original",)),
        ),
    ),
}


def saved_objects() -> List[Dict[str, Any]]:
    """Return all objects: what is referred to stands before what refers to it."""
    found = []
    for prefix, log in LOGS.items():
        found.append(_index_pattern(prefix))
        found.append(_newest(prefix, log))
        found += [_visualization(prefix, log, panel) for panel in log.panels]
        found.append(_dashboard(prefix, log))
    return found


def rendered() -> str:
    """Return the file: one object a line."""
    return "".join(f"{json.dumps(each, sort_keys=True)}\n" for each in saved_objects())


def _index_pattern(prefix: str) -> Dict[str, Any]:
    # Without "fields": they are read from the indices when the pattern is opened first.
    return _object("index-pattern", prefix, {"title": f"{prefix}-*", "timeFieldName": "@timestamp"}, [])


def _newest(prefix: str, log: Log) -> Dict[str, Any]:
    attributes = {
        "title": f"{log.title}: newest events",
        "description": "",
        "columns": list(log.columns),
        "sort": [["@timestamp", "desc"]],
        "version": 1,
        _SOURCE: _search_source(""),
    }
    return _object("search", f"{prefix}-newest", attributes, [_reference(_INDEX, "index-pattern", prefix)])


def _visualization(prefix: str, log: Log, panel: Panel) -> Dict[str, Any]:
    title = f"{log.title}: {panel.title}"
    state = {
        "title": title,
        "type": panel.kind,
        "aggs": _aggregations(panel),
        "params": _histogram() if panel.kind == "histogram" else _table(),
    }
    attributes = {
        "title": title,
        "description": "",
        "version": 1,
        "visState": json.dumps(state, sort_keys=True),
        "uiStateJSON": "{}",
        _SOURCE: _search_source(panel.query),
    }
    references = [_reference(_INDEX, "index-pattern", prefix)]
    return _object("visualization", f"{prefix}-{panel.name}", attributes, references)


def _aggregations(panel: Panel) -> List[Dict[str, Any]]:
    """Return the metrics first, as buckets are ordered by one of them: the first sum, else the count."""
    metrics = [_aggregation("count", "metric", {})]
    metrics += [_aggregation("sum", "metric", {"field": name, "customLabel": name}) for name in panel.sums]
    order_by = "2" if panel.sums else "1"
    buckets = []
    if panel.kind == "histogram":
        over_time = {
            "field": "@timestamp",
            "interval": "auto",
            "min_doc_count": 1,
            "useNormalizedOpenSearchInterval": True,
        }
        buckets.append(_aggregation("date_histogram", "segment", over_time))
    for name in panel.fields:
        by_value = {
            "field": name,
            "size": panel.size,
            "order": "desc",
            "orderBy": order_by,
            "otherBucket": panel.kind == "histogram",
            "otherBucketLabel": "other",
            "missingBucket": False,
            "missingBucketLabel": "none",
            "customLabel": name,
        }
        buckets.append(_aggregation("terms", "group" if panel.kind == "histogram" else "bucket", by_value))
    return [{"id": str(number), **each} for number, each in enumerate(metrics + buckets, 1)]


def _aggregation(kind: str, schema: str, params: Dict[str, Any]) -> Dict[str, Any]:
    return {"enabled": True, "type": kind, "schema": schema, "params": params}


def _histogram() -> Dict[str, Any]:
    labels = {"show": True, "filter": True, "truncate": 100}
    return {
        "type": "histogram",
        "addLegend": True,
        "legendPosition": "right",
        "addTooltip": True,
        "addTimeMarker": False,
        "times": [],
        "grid": {"categoryLines": False},
        "labels": {"show": False},
        "thresholdLine": {"show": False, "value": 10, "width": 1, "style": "full", "color": "#E7664C"},
        "categoryAxes": [
            {
                "id": "CategoryAxis-1",
                "type": "category",
                "position": "bottom",
                "show": True,
                "style": {},
                "scale": {"type": "linear"},
                "labels": labels,
                "title": {},
            }
        ],
        "valueAxes": [
            {
                "id": "ValueAxis-1",
                "name": "LeftAxis-1",
                "type": "value",
                "position": "left",
                "show": True,
                "style": {},
                "scale": {"type": "linear", "mode": "normal"},
                "labels": {**labels, "filter": False, "rotate": 0},
                "title": {"text": "Count"},
            }
        ],
        "seriesParams": [
            {
                "show": True,
                "type": "histogram",
                "mode": "stacked",
                "data": {"id": "1", "label": "Count"},
                "valueAxis": "ValueAxis-1",
                "drawLinesBetweenPoints": True,
                "lineWidth": 2,
                "showCircles": True,
            }
        ],
    }


def _table() -> Dict[str, Any]:
    return {
        "perPage": 10,
        "showPartialRows": False,
        "showMetricsAtAllLevels": False,
        "showTotal": False,
        "totalFunc": "sum",
        "percentageCol": "",
        "sort": {"columnIndex": None, "direction": None},
    }


def _dashboard(prefix: str, log: Log) -> Dict[str, Any]:
    """Return the histogram over the whole width, tables two a row, the newest events below."""
    tables = log.panels[1:]
    placed = [(f"{prefix}-{log.panels[0].name}", "visualization", (0, 0, COLUMNS))]
    for number, panel in enumerate(tables):
        row, column = divmod(number, 2)
        alone = number == len(tables) - 1 and not column
        place = (column * COLUMNS // 2, (row + 1) * _HEIGHT, COLUMNS if alone else COLUMNS // 2)
        placed.append((f"{prefix}-{panel.name}", "visualization", place))
    placed.append((f"{prefix}-newest", "search", (0, (len(tables) + 3) // 2 * _HEIGHT, COLUMNS)))
    panels, references = [], []
    for number, (name, kind, (x, y, width)) in enumerate(placed):
        grid = {"x": x, "y": y, "w": width, "h": _HEIGHT, "i": str(number)}
        panels.append(
            {
                "version": PANEL_VERSION,
                "gridData": grid,
                "panelIndex": str(number),
                "embeddableConfig": {},
                "panelRefName": f"panel_{number}",
            }
        )
        references.append(_reference(f"panel_{number}", kind, name))
    attributes = {
        "title": f"{log.title}: overview",
        "description": "The raw store, counted by the engine",
        "version": 1,
        "hits": 0,
        "timeRestore": True,
        "timeFrom": "now-24h",
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": 0},
        "optionsJSON": json.dumps({"hidePanelTitles": False, "useMargins": True}, sort_keys=True),
        "panelsJSON": json.dumps(panels, sort_keys=True),
        _SOURCE: {"searchSourceJSON": json.dumps({"filter": [], "query": _query("")}, sort_keys=True)},
    }
    return _object("dashboard", f"{prefix}-overview", attributes, references)


def _search_source(query: str) -> Dict[str, str]:
    found = {"filter": [], "indexRefName": _INDEX, "query": _query(query)}
    return {"searchSourceJSON": json.dumps(found, sort_keys=True)}


def _query(text: str) -> Dict[str, str]:
    return {"language": "lucene", "query": text}


def _reference(name: str, kind: str, target: str) -> Dict[str, str]:
    return {"name": name, "type": kind, "id": target}


def _object(kind: str, name: str, attributes: Dict[str, Any], references: List[Dict[str, str]]) -> Dict[str, Any]:
    return {
        "type": kind,
        "id": name,
        "attributes": attributes,
        "references": references,
        "migrationVersion": FORMS[kind],
    }


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
    put(str(FILE))
