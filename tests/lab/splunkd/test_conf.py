"""Conf files over REST: layers, writing, who may, and what the SDK makes of the Atom."""

from pathlib import Path
from typing import Callable

import pytest
import splunklib.binding
import splunklib.client

from lab.splunkd import SplunkdStandIn, User

from .conftest import ADMIN, Call

pytestmark = pytest.mark.fast

PAINTER = User("kim", ("painter",))
ANYBODY = User("u")


def test_default_stanza_continued_lines_and_equals_signs(call: Call) -> None:
    red = call("GET", "configs/conf-colours/red").contents["red"]
    assert {key: red[key] for key in ("shade", "code", "text", "sum")} == {
        "shade": "dark", "code": "f00", "text": "one\ntwo", "sum": "d = e",
    }  # fmt: skip
    assert red["disabled"] is False
    assert red["eai:acl"] is None


def test_created_changed_and_removed_through_the_sdk(sdk: Callable[..., splunklib.client.Service]) -> None:
    colours = sdk().confs["colours"]
    blue = colours.create("blue/light", code="00f", text='<a> & "b"\nnext ü')
    assert blue.content["text"] == '<a> & "b"\nnext ü'
    blue.submit({"code": "88f"})
    assert colours["blue/light"].content["code"] == "88f"
    assert colours["blue/light"].content["shade"] == "dark"
    assert sorted(stanza.name for stanza in colours) == ["blue/light", "red"]
    assert blue.access["perms"]["write"] == ["admin", "painter"]
    blue.delete()
    assert [stanza.name for stanza in colours] == ["red"]


def test_list_of_one_stanza_by_search(sdk: Callable[..., splunklib.client.Service]) -> None:
    service = sdk()
    service.confs["pens"].create("a", tip="1")
    service.confs["pens"].create("b", tip="2")
    found = service.confs["pens"].list(search="eai:acl.app=test_app name=b")
    assert [stanza.name for stanza in found] == ["b"]


def test_conf_known_by_its_spec_alone_is_empty_and_an_unknown_one_is_not_found(call: Call) -> None:
    assert call("GET", "configs/conf-pens").contents == {}
    for path in ("configs/conf-unknown", "configs/conf-colours/green", "configs/conf-..%2Fapp"):
        assert call("GET", path).status == 404
    assert call("GET", "/servicesNS/nobody/another_app/configs/conf-colours").status == 404


def test_name_that_is_taken_missing_or_of_the_default_folder(call: Call) -> None:
    assert call("POST", "configs/conf-colours", name="red").status == 409
    assert "name" in call("POST", "configs/conf-colours", code="1").said
    assert call("POST", "configs/conf-colours/green", code="1").status == 404
    assert call("POST", "configs/conf-colours/red", code="e00").status == 200
    assert call("DELETE", "configs/conf-colours/red").status == 200
    # What was written is gone; what the app brought cannot go.
    assert call("GET", "configs/conf-colours/red").contents["red"]["code"] == "f00"
    assert "default folder" in call("DELETE", "configs/conf-colours/red").said


def test_who_may_read_and_write(call: Call) -> None:
    assert call("POST", "configs/conf-colours", PAINTER, name="green").status == 201
    assert call("GET", "configs/conf-colours/green", ANYBODY).status == 200
    for method, path, form in (
        ("POST", "configs/conf-colours", {"name": "x"}),
        ("POST", "configs/conf-colours/green", {"code": "1"}),
        ("DELETE", "configs/conf-colours/green", {}),
        ("POST", "properties/colours/green", {"code": "1"}),
    ):
        refused = call(method, path, ANYBODY, **form)
        assert refused.status == 403
        assert refused.said == "You (user=u) do not have permission to perform this operation"
    assert call("GET", "configs/conf-secret", PAINTER).status == 404
    assert call("GET", "configs/conf-secret", ADMIN).status == 200
    assert call("GET", "configs/conf-colours", None).status == 401


def test_enable_disable_and_reload(call: Call) -> None:
    assert call("POST", "configs/conf-colours/red/disable").contents["red"]["disabled"] is True
    assert call("POST", "configs/conf-colours/red/enable").contents["red"]["disabled"] is False
    assert call("GET", "configs/conf-colours/_reload").status == 200
    assert call("PUT", "configs/conf-colours/red").status == 405


def test_properties(sdk: Callable[..., splunklib.client.Service], call: Call) -> None:
    assert "colours" in sdk().confs
    assert "unknown" not in sdk().confs
    assert call("GET", "properties/colours/red/text").body == b"one\ntwo"
    assert call("GET", "properties/colours/red/nothing").status == 404
    assert call("POST", "properties/colours", __stanza="grey").status == 201
    assert call("POST", "properties/colours/grey/code", value="888").status == 200
    assert call("GET", "properties/colours/grey").contents["code"] == {"eai:acl": None, "$text": "888"} | {
        "eai:appName": "test_app", "eai:userName": "nobody", "disabled": False,
    }  # fmt: skip


def test_local_folder_is_read_written_and_outlives_the_stand_in(app_dir: Path, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "colours.conf").write_text("[red]\ncode=by hand\n[extra]\n")
    for first in (True, False):
        with SplunkdStandIn(app_dir, local_dir=local) as splunkd:
            uri = splunkd.uri.rpartition(":")
            key = splunkd.state.session(ADMIN)
            service = splunklib.client.connect(
                host="127.0.0.1", port=int(uri[2]), scheme="http", token=key, app="test_app", owner="nobody"
            )
            if first:
                assert service.confs["colours"]["red"].content["code"] == "by hand"
                service.confs["colours"].create("kept", text="one\ntwo", code="a = b")
                service.confs["colours"].delete("extra")
                service.storage_passwords.create("hidden", "someone", "somewhere")
            kept = service.confs["colours"]["kept"].content
            assert (kept["text"], kept["code"]) == ("one\ntwo", "a = b")
            assert "extra" not in [stanza.name for stanza in service.confs["colours"]]
            assert [entry.clear_password for entry in service.storage_passwords] == ["hidden"]
    assert "[kept]" in (local / "colours.conf").read_text()
    assert (local / "passwords.json").stat().st_mode & 0o077 == 0


def test_error_is_readable_to_the_sdk(sdk: Callable[..., splunklib.client.Service]) -> None:
    with pytest.raises(splunklib.binding.HTTPError, match="red already exists") as refused:
        sdk().confs["colours"].create("red")
    assert refused.value.status == 409
