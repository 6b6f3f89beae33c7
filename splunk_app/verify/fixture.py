"""What the checks need on a Splunk: two roles, a user without rights, a rule for one of the roles."""

from __future__ import annotations

import secrets

from splunk_bridge.rest import Splunkd

PARENT, CHILD, USER = "bridge_verify_parent", "bridge_verify_child", "bridge_verify"
RULE = "bridge_verify"
TIME_ZONE = "Asia/Seoul"
APP = "/servicesNS/nobody/aws_siem_bridge"
RULES = f"{APP}/aws_siem_bridge_access"
ROLES = "/services/authorization/roles"
USERS = "/services/authentication/users"


class Fixture:
    """Made on entering, gone on leaving, also what a run before left behind."""

    def __init__(self, admin: Splunkd, cluster: str, index: str) -> None:
        self._admin = admin
        self._cluster = cluster
        self._index = index
        self._password = secrets.token_urlsafe(24) + "aA1!"

    def __enter__(self) -> Splunkd:
        self._remove()
        try:
            self._make()
            return self._admin.as_user(USER, self._password)
        except BaseException:
            self._remove()
            raise

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _make(self) -> None:
        self._admin.request("POST", ROLES, [("name", PARENT), ("imported_roles", "user")])
        self._admin.request("POST", ROLES, [("name", CHILD), ("imported_roles", PARENT)])
        user = [("name", USER), ("password", self._password), ("roles", CHILD), ("tz", TIME_ZONE)]
        self._admin.request("POST", USERS, user)
        rule = [("name", RULE), ("cluster", self._cluster), ("roles", PARENT), ("indices", self._index)]
        self._admin.request("POST", RULES, rule)

    def _remove(self) -> None:
        for collection, name in ((RULES, RULE), (USERS, USER), (ROLES, CHILD), (ROLES, PARENT)):
            if any(entry["name"] == name for entry in self._admin.entries(collection)):
                self._admin.request("DELETE", f"{collection}/{name}")
