"""Everything that Splunk reads of the alert actions says the same, since it is made of one table."""

from __future__ import annotations

import configparser
import re
from datetime import timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from savedsearches.runner.expression import parse_value
from savedsearches.runner.moment import Moment
from splunk_app.builder.alert_actions import MAXRESULTS, files

from ..conftest import BIN  # noqa: F401  # puts it on the path

from alert_actions.actions import ACTIONS, Action  # isort: skip
from alert_actions.run import MOST_RESULTS  # isort: skip

FILES = files()
actions = pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))


def stanzas(text: str) -> Dict[str, Dict[str, str]]:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


class Form(HTMLParser):
    """The controls of a page: name -> its options, and every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.controls: Dict[str, List[str]] = {}
        self._open: List[str] = []
        self._last = ""
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Any]]) -> None:
        found = dict(attrs)
        if tag in ("input", "select"):
            self._last = found["name"]
            self.controls[self._last] = []
        if tag == "option":
            self.controls[self._last].append(found["value"])
        if tag != "input":
            self._open.append(tag)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@actions
def test_conf_page_and_specs_know_the_same_parameters(action: Action) -> None:
    names = [each.name for each in action.params]
    stanza = stanzas(FILES["default/alert_actions.conf"])[action.name]
    assert [key[len("param.") :] for key in stanza if key.startswith("param.")] == [*names, "_cam"]
    assert {name: stanza[f"param.{name}"] for name in names} == {each.name: each.default for each in action.params}
    assert stanza["payload_format"] == "json" and stanza["python.required"] == "3.9, 3.13"
    assert int(stanza["maxresults"]) == MAXRESULTS == MOST_RESULTS
    form = Form(FILES[f"default/data/ui/alerts/{action.name}.html"])
    assert form.controls == {f"action.{action.name}.param.{each.name}": list(each.choices) for each in action.params}
    spec = FILES["README/alert_actions.conf.spec"].partition(f"[{action.name}]")[2].partition("\n[")[0]
    assert re.findall(r"^param\.(\w+) = ", spec, re.MULTILINE) == [*names, "_cam"]
    of_searches = FILES["README/savedsearches.conf.spec"]
    assert re.findall(rf"^action\.{action.name}\.param\.(\w+) = ", of_searches, re.MULTILINE) == names


@pytest.mark.parametrize(
    ("param", "value", "says"),
    [
        ("aws_block_ip.param.hours", "24", ""),
        ("aws_block_ip.param.hours", "8760", ""),
        ("aws_block_ip.param.hours", "8761", "a whole number from 1 to 8760"),
        ("aws_block_ip.param.hours", "0", "a whole number from 1 to 8760"),
        ("aws_block_ip.param.scope", "GLOBAL", "choose REGIONAL or CLOUDFRONT"),
        ("aws_respond.param.mode", "soft", ""),
        ("aws_respond.param.mode", "softly", "choose soft or hard"),
        ("aws_respond.param.mode", "", ""),
        ("aws_respond.param.mode", None, ""),
        ("aws_respond.param.dry_run", "yes", "0 or 1 is needed"),
        ("aws_respond.param.instance_field", "dest, src ip", ""),
        ("aws_respond.param.instance_field", "dest,,src", "names of columns"),
        ("aws_notify.param.answer", "now", ""),
    ],
)
def test_what_splunk_checks_on_save(param: str, value: Any, says: str) -> None:
    """The rule is evaluated as an eval expression, which it is; Splunk takes a name without a value for its text."""
    name = f"action.{param}"
    rule = stanzas(FILES["default/restmap.conf"])["validation:savedsearch"][name]
    said = parse_value("eval", rule, Moment(0.0, None, None, timezone.utc)).evaluate(
        {name: name if value is None else value}
    )
    assert (said is None) if not says else says in str(said)
    assert "\\" not in rule


def test_the_built_app_has_scripts_pages_and_an_icon(built_app: Path) -> None:
    conf = stanzas((built_app / "default" / "alert_actions.conf").read_text("utf-8"))
    assert set(conf) == set(ACTIONS)
    for name, stanza in conf.items():
        assert (built_app / "bin" / f"{name}.py").is_file()
        assert (built_app / "default" / "data" / "ui" / "alerts" / f"{name}.html").is_file()
        assert (built_app / "appserver" / "static" / stanza["icon_path"]).read_bytes()[:4] == b"\x89PNG"
    restmap = stanzas((built_app / "default" / "restmap.conf").read_text("utf-8"))
    assert "validation:savedsearch" in restmap and "script:aws_siem_bridge_search_settings" in restmap
