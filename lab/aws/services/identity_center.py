"""Assignments of Identity Center as AWS has them: answered before they are done; moto says SUCCEEDED at once.

https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_DeleteAccountAssignment.html: the answer has the status
IN_PROGRESS, and a second request meanwhile is a ConflictException.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

#: Lists that still show the old state after a change.
STALE_LISTS = 1


def install() -> None:
    """Change moto's Identity Center."""
    from moto.identitystore.exceptions import ConflictException as StoreConflict
    from moto.identitystore.exceptions import ResourceNotFoundException
    from moto.identitystore.models import IdentityStoreBackend
    from moto.ssoadmin.exceptions import ConflictException
    from moto.ssoadmin.models import SSOAdminBackend

    create, delete = SSOAdminBackend.create_account_assignment, SSOAdminBackend.delete_account_assignment
    listed = SSOAdminBackend.list_account_assignments
    running: Dict[int, List[Tuple[int, Callable[[], Any], Tuple[Any, ...]]]] = {}

    def later(work: Callable[..., Any]) -> Callable[..., Any]:
        def begin(self: Any, *given: Any, **named: Any) -> Any:
            key = (*given, *named.values())
            if any(key == each for _, _, each in running.get(id(self), [])):
                raise ConflictException("An operation on this assignment is in progress.")
            if work is delete:
                self._find_account(*given, **named)  # noqa: SLF001 - what is not there is refused at once
            running.setdefault(id(self), []).append((STALE_LISTS, lambda: work(self, *given, **named), key))
            return {"Status": "IN_PROGRESS", "RequestId": "00000000-0000-4000-8000-000000000000"}

        return begin

    def list_(self: Any, *given: Any, **named: Any) -> Any:
        found = listed(self, *given, **named)
        left = []
        for stale, work, key in running.pop(id(self), []):
            if stale > 0:
                left.append((stale - 1, work, key))
            else:
                work()
                found = listed(self, *given, **named)
        if left:
            running[id(self)] = left
        return found

    join = IdentityStoreBackend.create_group_membership

    def join_once(self: Any, identity_store_id: str, group_id: str, member_id: Dict[str, str]) -> Any:
        """https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_CreateGroupMembership.html."""
        try:
            self.get_group_membership_id(identity_store_id, group_id, member_id)
        except ResourceNotFoundException:
            return join(self, identity_store_id, group_id, member_id)
        raise StoreConflict(message="The member is in the group already.", reason="UNIQUENESS_CONSTRAINT_VIOLATION")

    IdentityStoreBackend.create_group_membership = join_once
    SSOAdminBackend.create_account_assignment = later(create)
    SSOAdminBackend.delete_account_assignment = later(delete)
    SSOAdminBackend.list_account_assignments = list_
