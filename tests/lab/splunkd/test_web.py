"""Splunk Web: pages, files, the way to splunkd and what guards it."""

import json
import re
from http.cookies import SimpleCookie
from typing import Callable, Dict, Tuple

import pytest

from lab.splunkd import SplunkdStandIn

from .conftest import Reply, request

pytestmark = pytest.mark.fast

PAGE = "/en-US/app/test_app/settings"
RAW = "/en-US/splunkd/__raw"
Browse = Callable[..., Reply]


@pytest.fixture
def browse(splunkd: SplunkdStandIn) -> Browse:
    """Return a function that sends a request to Splunk Web."""

    def send(path: str, method: str = "GET", headers: Dict[str, str] = {}, body: str = "") -> Reply:  # noqa: B006
        return request(splunkd.web_uri, method, path, headers, body.encode() if body else None)

    return send


def signed_in(page: Reply, splunkd: SplunkdStandIn) -> Tuple[Dict[str, str], str]:
    """Return the cookie header a browser would send after this page, and the form key."""
    port = splunkd.web_uri.rpartition(":")[2]
    cookies: SimpleCookie = SimpleCookie()
    for value in page.cookies:
        cookies.load(value)
    header = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    assert cookies[f"splunkd_{port}"]["httponly"]
    return {"Cookie": header}, cookies[f"splunkweb_csrf_token_{port}"].value


def test_page_is_found_from_the_root(browse: Browse) -> None:
    path = "/"
    for expected in ("/en-US/app/test_app/", PAGE):
        moved = browse(path)
        assert (moved.status, moved.headers["Location"]) == (303, expected)
        path = expected
    page = browse(path)
    assert (page.status, page.body) == (200, b"<html>the page</html>")


def test_config_tells_the_page_who_and_where(browse: Browse, splunkd: SplunkdStandIn) -> None:
    cookie, form_key = signed_in(browse(PAGE), splunkd)
    script = browse("/en-US/config?autoload=1", headers=cookie).body.decode()
    match = re.fullmatch(r"window\.\$C = (.*);", script)
    assert match
    config = json.loads(match.group(1))
    assert config["USERNAME"] == "root"
    assert config["FORM_KEY"] == form_key
    assert config["SPLUNKD_PATH"] == RAW
    assert str(config["MRSPARKLE_PORT_NUMBER"]) == splunkd.web_uri.rpartition(":")[2]
    assert config["app_label"] == "Test & App"


def test_files(browse: Browse) -> None:
    script = browse("/en-US/static/@1000/app/test_app/js/page.js")
    assert (script.status, script.body.decode()) == (200, "let a = 'ü';")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert browse("/en-US/static/app/test_app/appIcon.png").headers["Content-Type"] == "image/png"
    for own in ("js/i18n.js", "build/api/layout.js", "build/api/layout-dark.js", "build/api/get_theme.js"):
        assert browse(f"/en-US/static/@1000/{own}").status == 200
    assert browse("/en-US/i18ncatalog?autoload=1").status == 200
    assert browse("/favicon.ico").status == 204


def test_what_is_not_there_is_404_and_noted(browse: Browse, splunkd: SplunkdStandIn) -> None:
    paths = [
        "/en-US/app/test_app/other",
        "/en-US/app/test_app/..%2F..%2Fapp",
        "/en-US/app/search/search",
        "/en-US/static/@1/app/test_app/nothing.js",
        "/en-US/static/@1/app/test_app/../../default/app.conf",
        "/en-US/static/@1/app/test_app/..%2F..%2Fdefault/app.conf",
        "/ko-KR/app/test_app/settings",
        "/en-US/help",
    ]
    for path in paths:
        assert browse(path).status == 404
    assert len(splunkd.not_served) == len(paths)


def test_splunkd_behind_the_session_and_the_form_key(browse: Browse, splunkd: SplunkdStandIn) -> None:
    pens = f"{RAW}/servicesNS/nobody/test_app/test_app_pen?output_mode=json"
    assert browse(pens).status == 401
    cookie, form_key = signed_in(browse(PAGE), splunkd)
    assert browse(pens, headers=cookie).contents == {}
    form = {**cookie, "Content-Type": "application/x-www-form-urlencoded"}
    for key in ("", "x" * len(form_key)):
        refused = browse(pens, "POST", {**form, "X-Splunk-Form-Key": key}, "name=a&colour=1")
        assert refused.status == 401
        assert "CSRF" in refused.said
    made = browse(pens, "POST", {**form, "X-Splunk-Form-Key": form_key}, "name=a&colour=1")
    assert made.status == 201
    assert made.contents["a"]["owner"] == "root"
    context = browse(f"{RAW}/services/authentication/current-context?output_mode=json", headers=cookie)
    assert context.contents["context"]["username"] == "root"
    # The cookies of one session are not enough with the key of another.
    other_cookie, other_key = signed_in(browse(PAGE), splunkd)
    assert other_key != form_key
    assert browse(pens, "POST", {**form, "X-Splunk-Form-Key": other_key}, "name=b&colour=1").status == 401


def test_endpoint_that_web_conf_does_not_expose(browse: Browse, splunkd: SplunkdStandIn) -> None:
    cookie, form_key = signed_in(browse(PAGE), splunkd)
    headers = {**cookie, "X-Splunk-Form-Key": form_key}
    for path in ("services/test/echo", "servicesNS/nobody/test_app/test/system", "services/test_app_readonly"):
        assert browse(f"{RAW}/{path}", headers=headers).status == 404
    # PUT is not among the methods, and a path of two more parts not among the patterns.
    assert browse(f"{RAW}/servicesNS/nobody/test_app/test_app_pen/a", "PUT", headers).status == 404
    assert browse(f"{RAW}/servicesNS/nobody/test_app/test_app_pen/a/b", headers=headers).status == 404
