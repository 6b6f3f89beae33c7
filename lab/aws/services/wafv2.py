"""IP sets of WAF as AWS has them: what moto takes and AWS refuses is refused, and two updates at once are two.

https://docs.aws.amazon.com/waf/latest/APIReference/API_UpdateIPSet.html
"""

from __future__ import annotations

import ipaddress
import json
import threading
from typing import Any, Dict, List

from lab.aws.services.contract import INVALID, Refused, Request, answers

#: https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
MOST_ADDRESSES = 10_000
INVALID["wafv2"] = ("WAFInvalidParameterException", "Error reason: {}")
_LOCK = threading.RLock()


def install() -> None:
    """Change moto's WAF."""
    from moto.wafv2.exceptions import WAFv2ClientError
    from moto.wafv2.models import WAFV2Backend

    create, update, delete = (getattr(WAFV2Backend, f"{verb}_ip_set") for verb in ("create", "update", "delete"))

    def check(version: str, addresses: List[str]) -> List[str]:
        if len(addresses) > MOST_ADDRESSES:
            text = "AWS WAF couldn’t perform the operation because you exceeded your resource limit."
            raise WAFv2ClientError("WAFLimitsExceededException", text)
        found = []
        for text in addresses:
            try:
                network = ipaddress.ip_network(text)
            except ValueError:
                network = None
            # https://docs.aws.amazon.com/waf/latest/APIReference/API_IPSet.html: CIDR of one version, all but /0
            if network is None or "/" not in text or network.prefixlen == 0 or f"IPV{network.version}" != version:
                why = (
                    "Error reason: The parameter contains formatting that is not valid., field: IP_ADDRESS, parameter:"
                )
                raise WAFv2ClientError("WAFInvalidParameterException", f"{why} {text}")
            found.append(network.exploded if network.version == 6 else text)
        return found

    def create_ip_set(
        self: Any, name: str, scope: str, description: str, version: str, addresses: List[str], *args: Any
    ) -> Any:
        """https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateIPSet.html."""
        with _LOCK:
            if any((each.name, each.scope) == (name, scope) for each in self.ip_sets.values()):
                text = "AWS WAF couldn’t perform the operation because some resource in your request is a duplicate."
                raise WAFv2ClientError("WAFDuplicateItemException", text)
            return create(self, name, scope, description, version, check(version, addresses), *args)

    def update_ip_set(
        self: Any, name: str, scope: str, _id: str, description: Any, addresses: List[str], lock_token: str
    ) -> Any:
        with _LOCK:
            found = self.get_ip_set(name, scope, _id)
            return update(self, name, scope, _id, description, check(found.ip_address_version, addresses), lock_token)

    def delete_ip_set(self: Any, name: str, scope: str, _id: str, lock_token: str) -> None:
        """https://docs.aws.amazon.com/waf/latest/APIReference/API_DeleteIPSet.html."""
        arn = self.get_ip_set(name, scope, _id).arn
        users = [*self.wacls.values(), *self.rule_groups.values()]
        if any(arn in json.dumps(rule.statement) for each in users for rule in each.rules):
            text = "AWS WAF couldn’t perform the operation because your resource is being used by another resource."
            raise WAFv2ClientError("WAFAssociatedItemException", text)
        delete(self, name, scope, _id, lock_token)

    WAFV2Backend.create_ip_set = create_ip_set
    WAFV2Backend.update_ip_set = update_ip_set
    WAFV2Backend.delete_ip_set = delete_ip_set


#: Kind of a resource -> what its ARN has.
_KINDS = {"APPLICATION_LOAD_BALANCER": ":loadbalancer/app/", "API_GATEWAY": ":/restapis/", "APPSYNC": ":apis/"}


@answers("wafv2", "ListResourcesForWebACL")
def list_resources_for_web_acl(request: Request) -> Dict[str, Any]:
    """What a regional web ACL stands before, one kind at a time; load balancers where none is asked for.

    https://docs.aws.amazon.com/waf/latest/APIReference/API_ListResourcesForWebACL.html
    """
    from moto.wafv2.models import wafv2_backends

    acl = wafv2_backends[request.account][request.region].wacls.get(request.given["WebACLArn"])
    if acl is None:
        raise Refused("WAFNonexistentItemException", "AWS WAF couldn’t perform the operation: no such resource.")
    kind = _KINDS.get(request.given.get("ResourceType", "APPLICATION_LOAD_BALANCER"), "none of this kind")
    return {"ResourceArns": [each for each in acl.associated_resources if kind in each]}
