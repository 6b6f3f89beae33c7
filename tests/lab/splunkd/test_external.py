"""External handlers on ``splunk.admin``: one process a request, and what splunkd makes of what they raise."""

from typing import Callable

import pytest
import splunklib.client

from lab.splunkd import SplunkdStandIn, User

from .conftest import ADMIN, Call

pytestmark = pytest.mark.splunk_python
PENS = "test_app_pen"


def test_made_listed_changed_and_removed(call: Call) -> None:
    made = call("POST", PENS, name="a/b ü", colour="f00")
    assert made.status == 201
    assert made.contents["a/b ü"]["colour"] == "f00"
    assert call("POST", PENS, name="second", colour="0f0").status == 201
    assert sorted(call("GET", PENS + "?count=-1").contents) == ["a/b ü", "second"]
    one = call("GET", f"{PENS}/second?--cred--=1").json["entry"][0]
    assert one["content"]["cred"] == "1"
    assert one["content"]["owner"] == "root"
    assert one["content"]["disabled"] is False
    assert one["acl"]["sharing"] == "global"
    assert one["fields"] == {"required": ["colour"], "optional": ["do"], "wildcard": []}
    changed = call("POST", f"{PENS}/second", colour="0ff")
    assert (changed.status, changed.contents["second"]["colour"]) == (200, "0ff")
    assert call("DELETE", f"{PENS}/second").status == 200
    assert sorted(call("GET", PENS).contents) == ["a/b ü"]


def test_as_atom(call: Call, sdk: Callable[..., splunklib.client.Service]) -> None:
    call("POST", PENS, name="one", colour="<f00>")
    (entity,) = splunklib.client.Collection(sdk(), PENS).list()
    assert (entity.name, entity.content["colour"]) == ("one", "<f00>")
    assert entity.fields["required"] == ["colour"]


def test_arguments_are_checked_before_the_handler_runs(call: Call) -> None:
    for form, said in (
        ({"colour": "1"}, "arguments are missing: name"),
        ({"name": "x"}, "arguments are missing: colour"),
        ({"name": "x", "colour": "1", "size": "9"}, 'Argument "size" is not supported by this handler'),
    ):
        refused = call("POST", PENS, **form)
        assert refused.status == 400
        assert said in refused.said
    assert call("GET", PENS).contents == {}


def test_what_a_handler_raises(call: Call) -> None:
    invalid = call("POST", PENS, name="x", colour="1", do="invalid")
    assert invalid.status == 400
    assert invalid.said == "In handler 'pen_handler': colour is not a colour"
    assert call("GET", f"{PENS}/nothing").status == 404
    # splunkd's own words, which UCC's pages take apart.
    odd = call("POST", PENS, name="x", colour="1", do="raise")
    assert odd.status == 500
    assert odd.said == (
        'Unexpected error "<class \'ValueError\'>" from python handler: "odd "thing" <b>". '
        "See splunkd.log/python.log for more details."
    )
    died = call("POST", PENS, name="x", colour="1", do="die")
    assert died.status == 500
    assert "did not answer" in died.said


def test_who_may(call: Call) -> None:
    painter, plain = User("p", ("painter",)), User("u")
    assert call("POST", PENS, painter, name="x", colour="1").status == 201
    assert call("GET", PENS, plain).status == 200
    assert call("POST", PENS, plain, name="y", colour="1").status == 403
    # ``and``: the second capability is missing.
    half = User("h", (), ("paint",))
    assert call("POST", PENS, half, name="y", colour="1").status == 403
    assert call("DELETE", f"{PENS}/x", plain).status == 403
    assert call("DELETE", f"{PENS}/x", painter).status == 200
    assert call("GET", PENS, None).status == 401


def test_actions_that_a_handler_does_not_have(call: Call) -> None:
    assert call("GET", "test_app_readonly").status == 200
    assert call("POST", "test_app_readonly", name="x", colour="1").status == 405
    assert call("DELETE", PENS).status == 405
    assert call("PUT", f"{PENS}/x").status == 405
    assert call("GET", f"{PENS}/_reload").status == 200


def test_session_and_place_of_the_script(call: Call, splunkd: SplunkdStandIn) -> None:
    made = call("POST", PENS, ADMIN, name="main", colour="1", do="main")
    script = splunkd.splunk_home / "etc" / "apps" / "test_app" / "bin" / "pen_handler.py"
    assert made.contents["main"]["colour"] == f"{script} True"
