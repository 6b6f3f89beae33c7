"""From the alert to the release: the detection as Splunk schedules it, alert actions, the workflow, Splunk again.

What is said of the instance is read from AWS's stand-in, and what is said of the steps from the events that came back.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Mapping, Set

from lab.aws import AwsAccount, AwsStandIn
from lab.demo.findings import INDEX, Splunk
from lab.demo.load import BUCKET
from lab.demo.response.estate import EVIDENCE, SERVER, UPLOAD_ROLE, Estate
from lab.demo.response.page import Told, page_of
from lab.demo.screen import Screen
from lab.demo.search import Searches
from lab.splunkd import SplunkdStandIn
from lab.splunkd.alert_actions import AlertActions
from lab.splunkd.hec import HecReceiver, Token
from lab.splunkd.response import set_up_response
from lab.splunkd.scheduler import Alert, Scheduler
from lab.story import cast
from response.aws.evidence import folder_of
from savedsearches.runner.app_commands import SCRIPTS
from savedsearches.runner.conf_files import read_conf

DETECTION = "AWS - findings_guardduty_instance - Rule"
#: As an administrator switches it on; it looks at what arrived within the hour, so that it is due at once.
_SWITCHED_ON = {
    "disabled": "0", "cron_schedule": "* * * * *", "realtime_schedule": "1", "dispatch.index_earliest": "-1h",
    "dispatch.index_latest": "+5m", "action.aws_respond": "1",
}  # fmt: skip
ROLE, EXTERNAL_ID = "splunk-responder", "8f1c2e9a7b6d4c3f0a1b2c3d4e5f6071"
#: From the alert to the last status, on a machine that is busy.
PATIENCE_S = 240
#: How often it is looked for a workflow that says nothing any more.
LOOK_EVERY_S = 3.0
OVER = ("finished", "failed")
TIMELINE = (
    "`aws_response_status` | sort 0 + _time | eval after=round(_time-{alert_s:.3f}, 1) "
    "| table after step state result says"
)


class Interrupted(Exception):
    """The story does not go on; the text says why."""


class Incident:
    """The whole loop, once. Use it as a context manager: what it starts ends with it."""

    def __init__(self, aws: AwsStandIn, engine_url: str, splunk: Splunk, screen: Screen, python: str) -> None:
        self._aws, self._url, self._splunk, self._screen, self._python = aws, engine_url, splunk, screen, python
        self._stack = ExitStack()
        self._alert_s = 0.0
        self._verification: Dict[str, Any] = {}
        self.id = ""

    def __enter__(self) -> Incident:
        with ExitStack() as stack:
            token = secrets.token_hex(16)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aws-siem-bridge-response-")))
            self._folder = folder
            self._hec = stack.enter_context(HecReceiver(Token(token, use_ack=False, index=INDEX), index_after_s=0.0))
            self._estate = Estate(self._aws, self._url, BUCKET, self._hec.url, token)
            stack.callback(self._estate.stop)
            self._estate.serve(folder / "functions.log")
            home, python = folder / "splunk", self._python
            splunkd = stack.enter_context(SplunkdStandIn(splunk_home=home, python=python))
            splunks = AwsAccount(self._aws, cast.DEVELOPMENT)
            self._estate.home.trust(ROLE, splunks, external_id=EXTERNAL_ID)
            self._estate.home.trust(UPLOAD_ROLE, self._estate.home)
            set_up_response(
                splunkd.state, self._estate.url, region=cast.REGION, access_key="",
                role_arn=self._estate.home.role(ROLE), external_id=EXTERNAL_ID,
            )  # fmt: skip
            self._actions = AlertActions(splunkd, python, splunks.environment(cast.REGION))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, searches: Searches, page: Path) -> None:
        """Run it, and write its page. Raises `Interrupted`."""
        before = self._estate.groups()
        alert = self._fire(searches)
        seen: Set[str] = set()
        self.id = self._follow("end", seen)
        self._say(f"AWS says: {_words(self._estate.groups())}, with {self._estate.ways()} rules that let anything by")
        self._verify()
        self._release(alert, before, seen)
        self._splunk.add(self._hec.events)
        rows = searches.rows(TIMELINE.format(alert_s=self._alert_s), tell=self._screen.message)
        page.write_text(page_of(self._told(rows, before)), "utf-8")

    @property
    def timeline(self) -> str:
        """The search that shows the timeline."""
        return TIMELINE.format(alert_s=self._alert_s)

    def _fire(self, searches: Searches) -> Alert:
        settings = read_conf(SCRIPTS.parent / "default" / "savedsearches.conf")[DETECTION]
        ran: Dict[str, List[Any]] = {}

        def act(name: str, stanza: Mapping[str, str], rows: List[Any]) -> None:
            self._alert_s = time.time()
            instances = ", ".join(sorted({str(row.get("instance")) for row in rows}))
            self._say(f"the alert fires: {len(rows)} findings about {instances}; | sendalert aws_respond")
            ran.update(self._actions.run_alert(name, stanza, rows))

        now_s = time.time()
        scheduler = Scheduler(
            {DETECTION: {**settings, **_SWITCHED_ON}}, searches.rows, self._folder / "scheduler.json",
            began_s=now_s, act=act,
        )  # fmt: skip
        alerts = scheduler.tick(now_s + 60)
        if scheduler.failures or not alerts:
            raise Interrupted(f"the detection {DETECTION} finds nothing: {scheduler.failures or 'no alert'}")
        for each in ran.get("aws_respond", ()):
            if each.status:
                raise Interrupted(f"aws_respond ended with {each.status}: {each.stderr}")
        return alerts[0]

    def _follow(self, last: str, seen: Set[str]) -> str:
        """Say each status as it arrives, until the one that ends the incident; return the incident's id."""
        until, looked = time.monotonic() + PATIENCE_S, time.monotonic()
        while time.monotonic() < until:
            for row in list(self._hec.events):
                status = json.loads(row["_raw"])
                if status["status_id"] in seen:
                    continue
                seen.add(status["status_id"])
                if status["target"] == SERVER.id:
                    self._say(f"{status['step']}: {status['result']}. {status['says']}", status["time"])
                if status["target"] == SERVER.id and status["step"] == last and status["state"] in OVER:
                    return str(status["incident"])
            if time.monotonic() - looked > LOOK_EVERY_S:
                looked, broken = time.monotonic(), self._estate.broken()
                if broken:
                    raise Interrupted(f"the workflow broke: {broken}")
            time.sleep(0.1)
        raise Interrupted(f"no status {last!r} came back within {PATIENCE_S} s")

    def _verify(self) -> None:
        folder = folder_of(cast.PRODUCTION, cast.REGION, SERVER.id, self.id)
        key = self._folder / "public_key.der"
        kms = self._estate.home.client("kms", cast.REGION)
        key.write_bytes(kms.get_public_key(KeyId=self._estate.settings["SIGNING_KEY"])["PublicKey"])
        place = f"s3://{EVIDENCE}/{folder}"
        self._screen.say(f"aws-siem-bridge respond verify {place} --public-key public_key.der", "cyan")
        command = [sys.executable, "-m", "aws_siem_bridge", "respond", "verify", place, "--incident", self.id]
        done = subprocess.run(
            [*command, "--public-key", str(key), "--region", cast.REGION, "--result", "json"],
            env={**os.environ, **self._estate.home.environment(cast.REGION)},
            capture_output=True, text=True,
        )  # fmt: skip
        try:
            self._verification = json.loads(done.stdout)
        except ValueError:
            raise Interrupted(f"the evidence could not be verified: {done.stdout}{done.stderr}") from None
        for line in self._verdict():
            self._screen.say(f"  {line}")

    def _verdict(self) -> List[str]:
        known = self._verification
        count = f"{known['objects']} objects, {known['bytes']:,} bytes, each with its sha256 in the manifest"
        verified = "verified: chain, signature and objects" if known["verified"] else "NOT as collected"
        lacking = [f"not in the evidence, as the manifest says: {each}" for each in known["lacking"]]
        signed = f"signed with the key of the sha256 {known['key']}"
        return [f"{verified}; {count}", signed, *known["problems"], *lacking]

    def _release(self, alert: Alert, before: Mapping[str, List[str]], seen: Set[str]) -> None:
        rows = [row for row in alert.rows if row.get("instance") == SERVER.id][:1]
        self._say("somebody has looked at it, and sends | sendalert aws_release_instance")
        ran = self._actions.run("aws_release_instance", rows, search=DETECTION, params={"answer": "now"})
        if ran.status:
            raise Interrupted(f"aws_release_instance ended with {ran.status}: {ran.stderr}")
        self._follow("release", seen)
        after = self._estate.groups()
        self._say(f"AWS says: {_words(after)}, {'as before' if after == before else 'NOT as before'}")
        if after != before:
            raise Interrupted(f"the release is not exact: {before} was before, {after} is now")

    def _told(self, rows: List[Any], before: Mapping[str, List[str]]) -> Told:
        facts = (
            ("Incident", self.id),
            ("Instance", f"{SERVER.id} ({SERVER.name}), account {cast.PRODUCTION}, {cast.REGION}"),
            ("Alert", DETECTION),
            ("Raised", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._alert_s))),
            ("Security groups before and after", _words(before)),
        )
        verified = bool(self._verification["verified"])
        return Told(f"Incident {self.id}", facts, rows, verified, self._verdict(), time.time())

    def _say(self, text: str, at_s: float = 0.0) -> None:
        after_s = max((at_s or time.time()) - self._alert_s, 0.0)
        self._screen.say(f"+{after_s:6.1f} s  {text}")


def _words(groups: Mapping[str, List[str]]) -> str:
    return "; ".join(f"{interface} in {', '.join(ids)}" for interface, ids in sorted(groups.items()))
