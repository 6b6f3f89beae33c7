"""The accounts of an organisation: moto's, listed as AWS lists them.

https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from lab.aws.services.contract import INVALID, Refused, Request, answers
from lab.aws.services.pages import PAGES

INVALID["organizations"] = (
    "InvalidInputException",
    "You provided a value that does not match the required pattern: {}",
)
MOST_ACCOUNTS = 20


@answers("organizations", "ListAccounts")
def list_accounts(request: Request) -> Dict[str, Any]:
    """At most 20, suspended ones among them; for the management account and delegated administrators of a service.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    from moto.organizations.models import organizations_backends

    manager, _ = organizations_backends.master_accounts.get(request.account, (request.account, ""))
    backend = organizations_backends[manager]["aws"]
    if backend.org is None:
        raise Refused("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    if request.account not in (manager, *(admin.account.id for admin in backend.admins)):
        raise Refused("AccessDeniedException", "You don't have permissions to access this resource.")
    found = [account.describe() for account in backend.accounts]
    page, token = PAGES.page(request, found, MOST_ACCOUNTS)
    return {"Accounts": page, **token}


def join(
    manager: str, member: str, name: str, unit: str = "", tags: Optional[Dict[str, str]] = None, suspended: bool = False
) -> None:
    """Let an account be in the organisation of another, which is made if there is none.

    ``unit``: names of units below the root, such as ``Workloads/Prod``.
    """
    from moto.organizations.models import FakeAccount, organizations_backends

    backend = organizations_backends[manager]["aws"]
    if backend.org is None:
        backend.create_organization("us-east-1", FeatureSet="ALL")
    account = FakeAccount(backend.org, AccountName=name, Email=f"aws+{member}@example.com")
    account.id = member
    account.tags = dict(tags or {})
    if suspended:
        account.close()
    if unit:
        account.parent_id = _unit(backend, unit)
    backend.accounts.append(account)
    organizations_backends.master_accounts[member] = (manager, "aws")


def _unit(backend: Any, path: str) -> str:
    """Return the id of a unit by the names from the root's child down to it; what is missing is made."""
    above = str(backend.org.root_id)
    for name in path.split("/"):
        found = next((str(each.id) for each in backend.ou if (each.name, each.parent_id) == (name, above)), "")
        if not found:
            made = backend.create_organizational_unit(Name=name, ParentId=above)
            found = str(made["OrganizationalUnit"]["Id"])
        above = found
    return above
