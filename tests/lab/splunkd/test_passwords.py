"""storage/passwords: what the SDK and solnlib do with it, and who may."""

import json
import subprocess
from pathlib import Path
from typing import Callable

import pytest
import splunklib.binding
import splunklib.client

from lab.splunkd import SplunkdStandIn, User
from lab.splunkd.handlers.children import STUBS

from .conftest import ADMIN, Call

pytestmark = pytest.mark.fast

REALM = "__REST_CREDENTIAL__#test_app#configs/conf-pens"


def test_stored_changed_and_removed_through_the_sdk(sdk: Callable[..., splunklib.client.Service]) -> None:
    passwords = sdk().storage_passwords
    stored = passwords.create('p ü&"<', "a:b``splunk_cred_sep``1", REALM)
    passwords.create("other", "c", "another realm")
    assert (stored.realm, stored.username, stored.clear_password) == (REALM, "a:b``splunk_cred_sep``1", 'p ü&"<')
    stored.update(password="second")
    (found,) = passwords.list(count=-1, search=f"realm={REALM}")
    assert found.clear_password == "second"
    with pytest.raises(splunklib.binding.HTTPError) as refused:
        passwords.create("third", "a:b``splunk_cred_sep``1", REALM)
    assert refused.value.status == 409
    found.delete()
    assert [entry.realm for entry in passwords] == ["another realm"]
    passwords.delete("c", "another realm")
    assert len(passwords.list()) == 0


def test_who_may(call: Call, splunkd: SplunkdStandIn) -> None:
    splunkd.state.secrets.set(REALM, "x", "secret-17")
    reader = User("reader", capabilities=("list_storage_passwords",))
    writer = User("writer", capabilities=("edit_storage_passwords",))
    name = f"storage/passwords/{REALM.replace('#', '%23')}:x:"
    assert call("GET", "storage/passwords", reader).json["entry"][0]["content"]["clear_password"] == "secret-17"
    assert call("POST", name, writer, password="secret-18").status == 200
    for method, path, user, form in (
        ("GET", "storage/passwords", User("u"), {}),
        ("GET", name, User("u"), {}),
        ("GET", "storage/passwords", writer, {}),
        ("POST", "storage/passwords", reader, {"name": "n", "password": "p"}),
        ("POST", name, reader, {"password": "p"}),
        ("DELETE", name, reader, {}),
    ):
        refused = call(method, path, user, **form)
        assert refused.status == 403
        assert b"secret-1" not in refused.body
    assert call("GET", "storage/passwords", None).status == 401
    assert call("DELETE", name, writer).status == 200
    assert call("DELETE", name, writer).status == 404


def test_missing_arguments_and_other_methods(call: Call) -> None:
    assert "password" in call("POST", "storage/passwords", name="n").said
    assert "name" in call("POST", "storage/passwords", password="p").said
    assert call("PUT", "storage/passwords").status == 405
    assert call("DELETE", "storage/passwords").status == 405


SOLNLIB = """
import json, sys
from solnlib.conf_manager import ConfManager
from solnlib.credentials import CredentialManager, CredentialNotExistException
from solnlib.splunkenv import get_splunkd_access_info
told = json.load(sys.stdin)
where = dict(zip(("scheme", "host", "port"), get_splunkd_access_info(told["key"])))
secrets = CredentialManager(told["key"], "test_app", realm=told["realm"], **where)
secrets.set_password("prod", "a" * 600)
secrets.set_password("prod2", "other")
secrets.set_password("prod", "b" * 600)
answers = [secrets.get_password("prod"), secrets.get_password("prod2")]
secrets.delete_password("prod")
try:
    secrets.get_password("prod")
except CredentialNotExistException:
    answers.append("gone")
answers.append(secrets.get_password("prod2"))
pens = ConfManager(told["key"], "test_app", realm=told["realm"], **where).get_conf("pens")
pens.update("fine", {"tip": "1", "code": "hidden"}, ["code"])
pens.update("fine", {"tip": "2"})
answers.append({key: pens.get("fine")[key] for key in ("tip", "code", "eai:appName")})
answers.append(sorted(pens.get_all()))
pens.delete("fine")
answers.append(pens.stanza_exist("fine"))
print(json.dumps(answers))
"""


def test_solnlib_as_the_built_app_has_it(
    splunkd: SplunkdStandIn, built_app: Path, splunk_python: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [splunk_python, "-c", SOLNLIB],
        input=json.dumps({"key": splunkd.state.session(ADMIN), "realm": REALM}),
        capture_output=True,
        text=True,
        env={
            "PYTHONPATH": f"{built_app / 'lib'}:{STUBS}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SPLUNK_HOME": str(splunkd.splunk_home),
            "STAND_IN_SPLUNKD_URI": splunkd.uri,
        },
    )
    assert done.returncode == 0, done.stderr
    stanza = {"tip": "2", "code": "hidden", "eai:appName": "test_app"}
    assert json.loads(done.stdout) == ["b" * 600, "other", "gone", "other", stanza, ["fine"], False]
