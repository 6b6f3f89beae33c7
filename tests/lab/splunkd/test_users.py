"""Users, roles, capabilities, and the small resources about splunkd itself."""

from typing import Callable

import pytest
import splunklib.client

from lab.splunkd import Role, SplunkdStandIn, User
from lab.splunkd.users import Users

from .conftest import Call

pytestmark = pytest.mark.fast


def test_capabilities_come_from_roles_their_imports_and_the_user() -> None:
    users = Users({})
    users.add_role(Role("a", ("one",), ("b",)))
    users.add_role(Role("b", ("two",), ("a", "c")))
    users.add_role(Role("c", ("three",)))
    user = User("u", ("a", "unknown"), ("own",))
    assert set(users.capabilities_of(user)) == {"own", "one", "two", "three"}
    assert users.roles_of(user) == {"a", "b", "c", "unknown"}
    assert not users.may(user, "four")
    assert not users.may(User("v", ("c",), ()), "one")


def test_built_in_roles() -> None:
    users = Users({})
    plain, admin = User("u"), User("a", ("admin",))
    assert users.capabilities_of(plain) == ("search",)
    assert users.may(admin, "edit_storage_passwords")
    assert not users.may(plain, "list_storage_passwords")
    assert users.roles_of(admin) == {"admin", "power", "user"}
    system = users.of_session(users.system_key)
    assert system is not None
    assert users.may(system, "whatever")


def test_current_context(call: Call) -> None:
    user = User("kim", ("painter",), tz="Asia/Seoul")
    reply = call("GET", "/services/authentication/current-context", user)
    context = reply.contents["context"]
    assert (context["username"], context["roles"], context["tz"]) == ("kim", ["painter"], "Asia/Seoul")
    assert set(context["capabilities"]) == {"search", "paint"}
    assert call("GET", "/services/authentication/current-context", None).status == 401


def test_roles_and_users_through_the_sdk(sdk: Callable[..., splunklib.client.Service], splunkd: SplunkdStandIn) -> None:
    splunkd.state.session(User("kim"))
    service = sdk()
    assert service.roles["painter"].content["imported_roles"] == ["user"]
    assert service.roles["painter"].content["imported_capabilities"] == ["search"]
    assert {user.name for user in service.users} == {"root", "kim"}
    ordinary = sdk(User("kim"))
    assert [role.name for role in ordinary.roles] == ["user"]
    assert [user.name for user in ordinary.users] == ["kim"]


def test_server_info_and_apps(sdk: Callable[..., splunklib.client.Service], call: Call) -> None:
    assert sdk().info["version"].startswith("10.")
    assert call("GET", "/services/apps/local/test_app").contents["test_app"]["build"] == "7"
    assert call("GET", "/services/apps/local/other").status == 404
    assert call("POST", "/services/server/info").status == 405


def test_search_that_reads_a_resource_and_one_that_does_not(call: Call) -> None:
    search = "| rest services/apps/local/test_app splunk_server=local | fields build"
    created = call("POST", "/services/search/jobs", search=search)
    assert created.status == 201
    sid = created.json["sid"]
    assert call("GET", f"/services/search/jobs?id={sid}").contents[sid]["isDone"] is True
    assert call("GET", f"/services/search/v2/jobs/{sid}/results").json["results"] == [{"build": "7"}]
    assert call("POST", "/services/search/jobs", search="search index=main").status == 400


def test_unknown_path_is_404_and_noted(call: Call, splunkd: SplunkdStandIn) -> None:
    assert call("GET", "/services/data/nothing").status == 404
    assert splunkd.not_served == [("GET", "/data/nothing")]
    assert call("GET", "/services/data/nothing", None).status == 401
    assert call("GET", "/nothing").status == 404
