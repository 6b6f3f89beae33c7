"""What Splunk reads of the alert actions, made of their one table in ``package/bin/alert_actions/actions.py``.

``alert_actions.conf`` and its pages, the specs of both conf files, and what is checked when a search is saved.
https://dev.splunk.com/enterprise/docs/devtools/customalertactions/
"""

from __future__ import annotations

import json
import shutil
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List

from splunk_app.builder.places import APP, PACKAGE, version

if TYPE_CHECKING:
    from alert_actions.actions import Action, Param

ICON = "alert_aws_response.png"
#: Longer than handing over takes, its waiting for an answer included: splunkd ends an action after it.
MAXTIME = "15m"
#: As `alert_actions.run.MOST_RESULTS`.
MAXRESULTS = 10_000
_PYTHON = ("python.version = python3", "python.required = 3.9, 3.13")


def add(tree: Path) -> None:
    """Write the files into the built tree."""
    found = files()
    for name, text in found.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text("utf-8").rstrip() + "\n\n" if path.exists() else ""
        path.write_text(before + text, "utf-8")
    icon = tree / "appserver" / "static" / ICON
    shutil.copyfile(PACKAGE / "static" / "appIcon.png", icon)


def files() -> Dict[str, str]:
    """Return path in the app -> text; of a file that is there the text comes behind what it has."""
    actions = _actions()
    pages = {f"default/data/ui/alerts/{each.name}.html": _page(each) for each in actions}
    return {
        "default/alert_actions.conf": "\n".join(_stanza(each) for each in actions),
        "default/restmap.conf": "[validation:savedsearch]\n" + "".join(_validation(each) for each in actions),
        "README/alert_actions.conf.spec": "\n".join(_spec(each) for each in actions),
        "README/savedsearches.conf.spec": _savedsearches_spec(actions),
        **pages,
    }


def _actions() -> List[Action]:
    bin_dir = str(PACKAGE / "bin")
    if bin_dir not in sys.path:
        sys.path.insert(0, bin_dir)
    from alert_actions.actions import ACTIONS

    return list(ACTIONS.values())


def _stanza(action: Action) -> str:
    lines = [
        f"[{action.name}]", "is_custom = 1", f"label = {action.label}", f"description = {action.description}",
        f"icon_path = {ICON}", "payload_format = json", *_PYTHON, f"maxtime = {MAXTIME}", f"maxresults = {MAXRESULTS}",
        *(f"param.{each.name} = {each.default}".rstrip() for each in action.params),
        f"param._cam = {json.dumps(_cam(action))}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _cam(action: Action) -> Dict[str, object]:
    """Return what Enterprise Security has to know to offer it for a finding."""
    category, task, subject = action.cam
    status = "%60aws_response_status%60%20sid%3D%22$sid$%22%20rid%3D%22$rid$%22"
    return {
        "category": [category],
        "task": [task],
        "subject": [subject],
        "technology": [{"vendor": "Amazon", "product": "AWS", "version": [version()]}],
        "supports_adhoc": True,
        "supports_cloud": True,
        "supports_workers": False,
        "drilldown_uri": f"/app/{APP}/search?q={status}",
        "field_name_params": list(action.field_names),
    }


def _validation(action: Action) -> str:
    """Return the rules of a stanza: a parameter that is not given, or is empty where that means a default, is fine."""
    text = ""
    for each in action.params:
        if each.pattern:
            name = f"action.{action.name}.param.{each.name}"
            wrong = f"{action.label}: {each.label}: {each.wrong}".replace('"', "'")
            # Splunk takes a name that is not set for its own text.
            unset = f"'{name}' == \"{name}\" OR '{name}' == \"\""
            text += f'{name} = case({unset}, null(), match(\'{name}\', "{each.pattern}"), null(), 1==1, "{wrong}")\n'
    return text


def _spec(action: Action) -> str:
    required = "python.required = <comma-separated list of versions>"
    lines = [f"[{action.name}]", f"* {action.description}", "", required, ""]
    for each in action.params:
        lines += _spec_of(f"param.{each.name}", each)
    lines += ["param._cam = <json>", "* How Enterprise Security offers it.", ""]
    return "\n".join(lines)


def _savedsearches_spec(actions: List[Action]) -> str:
    lines: List[str] = ["# The parameters of this app's alert actions, as a saved search sets them.", ""]
    for action in actions:
        lines += [f"action.{action.name} = [0|1]", f"* {action.label}. Off by default.", ""]
        for each in action.params:
            lines += _spec_of(f"action.{action.name}.param.{each.name}", each)
    return "\n".join(lines)


def _spec_of(name: str, param: Param) -> List[str]:
    values = {"checkbox": "[0|1]", "choice": f"[{'|'.join(param.choices)}]"}.get(param.kind, "<string>")
    default = [f"* Default: {param.default}"] if param.default else []
    return [f"{name} = {values}", f"* {param.help}", *default, ""]


def _page(action: Action) -> str:
    """Return the form that Splunk shows below the action's name, where an alert is edited."""
    rows = "\n".join(_control(action.name, each) for each in action.params)
    return f'<form class="form-horizontal form-complex">\n{rows}\n</form>\n'


def _control(action: str, param: Param) -> str:
    name = f"action.{action}.param.{param.name}"
    id = f"{action}_{param.name}"
    if param.kind == "choice":
        options = "".join(
            f'<option value="{escape(each)}">{escape(each or "(not set)")}</option>' for each in param.choices
        )
        field = f'<select name="{name}" id="{id}">{options}</select>'
    elif param.kind == "checkbox":
        field = f'<input type="checkbox" name="{name}" id="{id}" value="1"/>'
    else:
        field = (
            f'<input type="text" class="input-xlarge" name="{name}" id="{id}" placeholder="{escape(param.default)}"/>'
        )
    return (
        '  <div class="control-group">\n'
        f'    <label class="control-label" for="{id}">{escape(param.label)}</label>\n'
        f'    <div class="controls">\n      {field}\n'
        f'      <span class="help-block">{escape(param.help)}</span>\n    </div>\n  </div>'
    )
