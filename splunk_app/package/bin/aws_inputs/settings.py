"""What a stanza of inputs.conf means. Everything that is wrong is said at once, with what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Tuple

from aws_account_settings.accounts import REGION

from aws_inputs.kinds import ASSETS, BOOLEAN, GUARDDUTY, NUMBER, OF_A_QUEUE, SECURITY_HUB, SHIELD, Kind, Setting
from collectors.polling.budget import DAY_MS
from collectors.sinks.splunk_events.sink import Placing
from collectors.sources.registry import FINDINGS
from es_bridge.errors import ConfigError

_TRUE, _FALSE = ("1", "true", "t", "yes", "on"), ("0", "false", "f", "no", "off")
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
_QUEUE = re.compile(r"https?://[^\s/?#@]+/\d{12}/[\w-]{1,80}(\.fifo)?", re.ASCII)
_QUEUE_HOST = re.compile(r"https://sqs\.([a-z0-9-]+)\.")
#: What the setting ``product`` says -> the Security Hubs that may be read, the one that is preferred first.
HUBS_OF: Dict[str, Tuple[str, ...]] = {
    "cspm": ("securityhub",),
    "ocsf": ("securityhub_v2",),
    "cspm_first": ("securityhub", "securityhub_v2"),
    "ocsf_first": ("securityhub_v2", "securityhub"),
}
#: What the setting ``reconcile`` may name.
RECONCILED = ("inspector", "macie", "accessanalyzer", "none")
#: https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
_AGGREGATOR = re.compile(r"(?:[a-z0-9-]{6,30}/)?[\w-]{1,256}", re.ASCII)
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):(\d{12}):key/(?!mrk-)[\w-]+", re.ASCII)
#: The longest that any source keeps a finding, and so the longest back-fill that makes sense.
MOST_DAYS = 3650


@dataclass(frozen=True)
class InputSettings:
    """The settings of one input."""

    kind: Kind
    #: ``aws_guardduty://prod``.
    stanza: str
    values: Mapping[str, Any]
    index: str = ""
    host: str = ""
    #: Epoch milliseconds; 0 for none.
    backfill_from_ms: int = 0
    #: None for all.
    regions: Optional[Tuple[str, ...]] = None

    @property
    def placing(self) -> Placing:
        """What they say about the place of events."""
        return Placing(self.stanza, self.index, self["source_suffix"], self.host)

    def __getitem__(self, name: str) -> Any:
        """Return a setting: text, number or truth."""
        return self.values[name]


def read(kind: Kind, stanza: str, given: Mapping[str, str], now_ms: int) -> InputSettings:
    """Return the settings. Raises `ConfigError` with everything that is wrong."""
    wrong: List[str] = []
    values: Dict[str, Any] = {}
    for setting in kind.settings:
        text = (given.get(setting.name) or "").strip() or setting.default
        try:
            values[setting.name] = _value(setting, text)
        except ValueError as exc:
            wrong.append(f"{setting.name}: {exc}")
    backfill_from_ms, regions = 0, None
    try:
        if kind not in OF_A_QUEUE:
            backfill_from_ms = _start(values.get("start_date", ""), now_ms)
        if "regions" in values:
            regions = _regions(values["regions"])
        if values.get("backfill_by") == "export":
            _check_export(values)
        if kind in OF_A_QUEUE and values.get("queue_url"):
            _check_queue(values)
    except ValueError as exc:
        wrong.append(str(exc))
    if values.get("delivery") == "hec" and not values["hec"]:
        wrong.append("hec: it is missing: with delivery = hec, the name of an event collector of this app")
    if wrong:
        raise ConfigError("; ".join(wrong))
    index = (given.get("index") or "").strip()
    host = (given.get("host") or "").strip()
    # What splunkd gives when the stanza says nothing: not an index, and this machine, which found nothing.
    return InputSettings(
        kind, stanza, values, "" if index == "default" else index, "" if host == "$decideOnStartup" else host,
        backfill_from_ms, regions,
    )  # fmt: skip


def datasets_of(settings: InputSettings) -> Tuple[str, ...]:
    """Return what the input reads: names of sources; for a queue empty for all."""
    if settings.kind is GUARDDUTY:
        return ("guardduty",)
    if settings.kind is SECURITY_HUB:
        return hubs_of(settings)
    if settings.kind is SHIELD:
        return ("shield",)
    if settings.kind is ASSETS:
        return ("asset",)
    return names(settings["datasets"])


def hubs_of(settings: InputSettings) -> Tuple[str, ...]:
    """Return the Security Hubs that may be read, the preferred one first; none for other inputs."""
    return HUBS_OF[settings["product"]] if settings.kind is SECURITY_HUB else ()


def is_key_of(arn: str, account_id: str, region: str) -> bool:
    """Whether a KMS key is of an account and region, as AWS wants it of an export's."""
    found = KEY_ARN.fullmatch(arn)
    return found is not None and found.groups() == (region, account_id)


def names(text: str) -> Tuple[str, ...]:
    """Return the parts of a list that is separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def queue_region(settings: InputSettings) -> str:
    """Return the region of an input's queue."""
    found = _QUEUE_HOST.match(settings["queue_url"])
    return settings["region"] or (found[1] if found else "")


def _value(setting: Setting, text: str) -> Any:
    if setting.required and not text:
        raise ValueError(f"it is missing: {setting.description}")
    if setting.type == BOOLEAN:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() in _TRUE
    if setting.type == NUMBER:
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is no number") from None
        if not setting.least <= number <= setting.most:
            raise ValueError(f"{text} is not from {setting.least:g} to {setting.most:g}")
        return int(number) if number.is_integer() else number
    if setting.choices and text not in setting.choices:
        raise ValueError(f"{text!r} is none of {', '.join(setting.choices)}")
    if setting.name == "config_aggregator" and not _AGGREGATOR.fullmatch(text):
        raise ValueError(f"{text!r} is neither auto nor none, nor a name such as all or eu-west-1/all")
    if setting.name == "datasets":
        unknown = [name for name in names(text) if name not in FINDINGS]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: there is {', '.join(FINDINGS)}")
    if setting.name == "reconcile":
        unknown = [name for name in names(text) if name not in RECONCILED]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: there is {', '.join(RECONCILED)}")
    return text


def _start(text: str, now_ms: int) -> int:
    if not text:
        return 0
    days = re.fullmatch(r"(\d{1,4})d", text)
    if days and 0 < int(days[1]) <= MOST_DAYS:
        return now_ms - int(days[1]) * DAY_MS
    try:
        start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        raise ValueError(f"start_date: {text!r} is neither a day such as 2026-11-01 nor days such as 30d") from None
    start_ms = int(start.timestamp() * 1000)
    if start_ms > now_ms:
        raise ValueError(f"start_date: {text} is in the future")
    return start_ms


def _regions(text: str) -> Optional[Tuple[str, ...]]:
    found = names(text)
    if found in ((), ("all",)):
        return None
    wrong = [name for name in found if not REGION.fullmatch(name)]
    if wrong:
        raise ValueError(f"regions: {', '.join(wrong)}: a region is called as eu-west-1; all is for all of them")
    return tuple(sorted(set(found)))


def _check_export(values: Mapping[str, Any]) -> None:
    if not _BUCKET.fullmatch(values["export_bucket"]):
        raise ValueError(f"export_bucket: {values['export_bucket']!r} is no name of a bucket; export needs one")
    keys = names(values["export_key_arns"])
    wrong = [key for key in keys if not KEY_ARN.fullmatch(key)]
    if wrong or not keys:
        raise ValueError(
            f"export_key_arns: {', '.join(wrong) or 'export needs a key'}: an ARN is arn:aws:kms:<region>:<12 digits>:"
            "key/<id>, of a key of one region (no mrk-)"
        )


def _check_queue(values: Mapping[str, Any]) -> None:
    url, region = values["queue_url"], values.get("region") or ""
    if not _QUEUE.fullmatch(url):
        raise ValueError(
            f"queue_url: {url!r} is no URL of a queue: https://sqs.<region>.amazonaws.com/<12 digits>/<name>"
        )
    if region and not REGION.fullmatch(region):
        raise ValueError(f"region: {region!r} is no region: they are called as eu-west-1")
    if not region and not _QUEUE_HOST.match(url):
        raise ValueError("region: the queue's URL does not say its region; give it here")
