"""Which regions an account has.

https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, DefaultDict, Dict, Set, Tuple

from lab.aws.services.contract import INVALID, Request, answers
from lab.aws.services.pages import PAGES

INVALID["account"] = ("ValidationException", "{}")
#: Regions that every account has.
DEFAULT = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    *("ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "sa-east-1"),
)
#: Regions that an account must ask for.
OPT_IN = (
    *("af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ca-west-1"),
    *("eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1"),
)


@dataclass
class Regions:
    """What each account asked for, and what its organisation denies it."""

    opted_in: DefaultDict[str, Set[str]] = field(default_factory=lambda: defaultdict(set))
    #: (account, region, service); service "" is every one.
    denied: Set[Tuple[str, str, str]] = field(default_factory=set)

    def is_off(self, account: str, region: str) -> bool:
        """Whether a region that must be asked for was not."""
        return region in OPT_IN and region not in self.opted_in[account]

    def is_denied(self, account: str, region: str, service: str) -> bool:
        """Whether a service control policy denies this."""
        return bool({(account, region, ""), (account, region, service)} & self.denied)

    def status(self, account: str, region: str) -> str:
        """Return what DescribeRegions says of a region."""
        if region in OPT_IN:
            return "not-opted-in" if self.is_off(account, region) else "opted-in"
        return "opt-in-not-required"


#: The regions in the stand-in's process.
REGIONS = Regions()
_OF_ACCOUNT = {"not-opted-in": "DISABLED", "opted-in": "ENABLED", "opt-in-not-required": "ENABLED_BY_DEFAULT"}


@answers("account", "ListRegions")
def list_regions(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html."""
    account = request.given.get("AccountId", request.account)
    found = [
        {"RegionName": region, "RegionOptStatus": _OF_ACCOUNT[REGIONS.status(account, region)]}
        for region in (*DEFAULT, *OPT_IN)
    ]
    wanted = request.given.get("RegionOptStatusContains")
    if wanted:
        found = [each for each in found if each["RegionOptStatus"] in wanted]
    page, token = PAGES.page(request, found, 50)
    return {"Regions": page, **token}


def describe_regions(account: str, form: Dict[str, str]) -> bytes:
    """Return EC2's list as it writes it: regions that are enabled, or all that are asked for with ``AllRegions``.

    Answered here because moto's EC2 takes a second to load.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
    """
    names = {value for name, value in form.items() if name.startswith("RegionName.")}
    statuses = {value for name, value in form.items() if re.fullmatch(r"Filter\.\d+\.Value\.\d+", name)}
    if {value for name, value in form.items() if re.fullmatch(r"Filter\.\d+\.Name", name)} - {"opt-in-status"}:
        raise ValueError("this stand-in chooses regions by opt-in-status only")
    items = ""
    for region in (*DEFAULT, *OPT_IN):
        status = REGIONS.status(account, region)
        asked = form.get("AllRegions") == "true" or status != "not-opted-in"
        if asked and (not names or region in names) and (not statuses or status in statuses):
            endpoint = f"<regionEndpoint>ec2.{region}.amazonaws.com</regionEndpoint>"
            items += f"<item><regionName>{region}</regionName>{endpoint}<optInStatus>{status}</optInStatus></item>"
    space = "http://ec2.amazonaws.com/doc/2016-11-15/"
    inner = f"<requestId>{uuid.uuid4()}</requestId><regionInfo>{items}</regionInfo>"
    return f'<DescribeRegionsResponse xmlns="{space}">{inner}</DescribeRegionsResponse>'.encode()
