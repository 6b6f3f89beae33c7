"""AWS Config's aggregator: what it knows of the resources of many accounts and regions, and one query of its language.

moto has aggregators, and answers no query. A resource is told to it (`tell`) as Config records it; it records
nothing itself. Of the query language it has ``SELECT <columns> WHERE resourceType = '<type>'``.

https://docs.aws.amazon.com/config/latest/developerguide/querying-AWS-resources.html
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any, DefaultDict, Dict, List, Mapping, Sequence, Tuple

from lab.aws.services.contract import INVALID, Refused, Request, answers
from lab.aws.services.pages import PAGES

INVALID["config"] = ("InvalidNextTokenException", "{}")
#: Without a limit, and with the highest one.
#: https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
USUAL_PAGE, MOST_RESULTS = 25, 100
_QUERY = re.compile(r"SELECT (?P<columns>[\w, .]+?) WHERE resourceType = '(?P<type>AWS::\w+::\w+)'")
COLUMNS = (
    "accountId", "awsRegion", "arn", "resourceId", "resourceName", "resourceType", "tags", "configuration",
    "supplementaryConfiguration",
)  # fmt: skip
#: (account, region of its aggregator) -> what that knows.
RESOURCES: DefaultDict[Tuple[str, str], List[Dict[str, Any]]] = defaultdict(list)


@answers("config", "SelectAggregateResourceConfig")
def select_aggregate_resource_config(request: Request) -> Dict[str, Any]:
    """Each result is the text of a JSON object.

    https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
    """
    from moto.config.models import config_backends

    given = request.given
    name = given["ConfigurationAggregatorName"]
    if name not in config_backends[request.account][request.region].config_aggregators:
        raise Refused("NoSuchConfigurationAggregatorException", f"The configuration aggregator {name} does not exist.")
    match = _QUERY.fullmatch(given["Expression"])
    columns = [column.strip() for column in match["columns"].split(",")] if match else []
    if match is None or not set(columns) <= set(COLUMNS):
        raise Refused("InvalidExpressionException", f"The stand-in does not have: {given['Expression']}")
    known = RESOURCES[request.account, request.region]
    found = [
        json.dumps({column: each[column] for column in columns if column in each})
        for each in known
        if each["resourceType"] == match["type"]
    ]
    size = given.get("Limit") or given.get("MaxResults") or USUAL_PAGE
    page, token = PAGES.page(request, found, min(size, MOST_RESULTS))
    fields = [{"Name": column} for column in columns]
    return {"Results": page, "QueryInfo": {"SelectFields": fields}, **token}


def tell(account: str, region: str, resources: Sequence[Mapping[str, Any]]) -> None:
    """Let an aggregator of this account and region know exactly these resources, as Config records them."""
    RESOURCES[account, region] = [dict(each) for each in resources]
