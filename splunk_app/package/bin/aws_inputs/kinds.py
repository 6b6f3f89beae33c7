"""Which inputs there are, and the settings of each: the scheme that splunkd asks for, and what is checked on save."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple
from xml.sax.saxutils import escape, quoteattr

from collectors.assets.asset import USUAL_TAGS

BOOLEAN, NUMBER, STRING = "boolean", "number", "string"


#: Units at the ends of names.
_UNITS = {"_s": "s", "_mib": "MiB", "_percent": "%"}


class Setting(NamedTuple):
    """One setting of an input, which is a key of its stanza."""

    name: str
    title: str
    description: str
    type: str = STRING
    required: bool = False
    default: str = ""
    #: Bounds of a number.
    least: float = 0
    most: float = float("inf")
    choices: Tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a page calls it: the title, with the unit that the name ends in."""
        unit = next((unit for end, unit in _UNITS.items() if self.name.endswith(end)), "")
        return f"{self.title} ({unit})" if unit else self.title


class Kind(NamedTuple):
    """One modular input."""

    name: str
    title: str
    description: str
    settings: Tuple[Setting, ...]

    def setting(self, name: str) -> Setting:
        """Return a setting by its name."""
        return next(each for each in self.settings if each.name == name)


_ACCOUNT = Setting("account", "Account", "Name of an account of this app; default is the machine's own role.")
_CEILING = Setting(
    "daily_ceiling_mib", "Daily ceiling",
    "MiB a day (UTC), 0 for none. Beyond it findings are only counted, by rule, account and resource.",
    NUMBER, default="1024", most=10_000_000,
)  # fmt: skip
_CHECKPOINTS = Setting(
    "checkpoints", "Checkpoints", "kvstore, or file where this forwarder's KV store is switched off.",
    default="kvstore", choices=("kvstore", "file"),
)  # fmt: skip
_DELIVERY = (
    Setting(
        "delivery", "Delivery", "stdout: to this forwarder's splunkd, without acknowledgement. hec: to an HTTP Event "
        "Collector, until its indexers acknowledge.",
        default="stdout", choices=("stdout", "hec"),
    ),
    Setting("hec", "Event collector", "For delivery = hec: one of the tab Event collectors of the page "
        "Configuration, on this instance."),
)  # fmt: skip
_SOURCE = Setting(
    "source_suffix", "Source", "Takes the place of account and region in the events' source, after the data's name."
)
_ALL_VERSIONS = Setting(
    "all_versions", "Every version", "Write a version also when nothing but times in it has changed.",
    BOOLEAN, default="false",
)  # fmt: skip
_PASSED = Setting(
    "passed_findings", "Passed controls", "count: daily counts by control, account and region. write: all of them.",
    default="count", choices=("count", "write"),
)  # fmt: skip
_OF_THE_HUBS = (
    Setting(
        "products", "Of products", "Of Security Hub's findings only those of these products: prowler, inspector, "
        "macie, accessanalyzer, guardduty, securityhub (its own controls), or names of others. Empty for all.",
    ),
    Setting(
        "products_left_out", "Products left out", "Of Security Hub's findings not those of these products, which have "
        "an input of their own, such as guardduty.",
    ),
    Setting(
        "standards", "Of standards", "Of Security Hub's own controls only those of these standards: cis, fsbp, pci, "
        "nist, or parts of their ids. Empty for all. Findings of other products are not concerned.",
    ),
)  # fmt: skip
_HEARTBEAT = Setting(
    "heartbeat_s", "Heartbeat", "Seconds between two health events of an account and region.",
    NUMBER, default="600", least=10, most=86_400,
)  # fmt: skip
_LOOK_AGAIN = Setting(
    "look_again_s", "Look again", "Seconds between two looks for accounts, regions, administrators and aggregation.",
    NUMBER, default="3600", least=1, most=86_400,
)  # fmt: skip
_POLLING = (
    Setting("regions", "Regions", "all, or a list separated by commas.", default="all"),
    _LOOK_AGAIN,
    Setting("start_date", "Start date", "Back-fill from here: 2026-11-01, or days such as 30d. Empty for none."),
    Setting(
        "poll_interval_s", "Poll interval", "Seconds between two polls of a region.",
        NUMBER, default="60", least=1, most=86_400,
    ),
    Setting(
        "overlap_s", "Overlap", "What AWS shows so many seconds late is found all the same.",
        NUMBER, default="900", least=0, most=86_400,
    ),
    Setting(
        "safety_window_s", "Safety window",
        "With delivery = stdout, what was written so many seconds before a stop is written again.",
        NUMBER, default="600", least=0, most=86_400,
    ),
)  # fmt: skip
_QUEUE = Setting("queue_url", "Queue", "URL of the SQS queue.", required=True)
_QUEUE_REGION = Setting("region", "Region", "Of the queue; needed where its URL does not say it.")
_DELETE_AFTER = Setting(
    "delete_after_s", "Delete after",
    "With delivery = stdout, seconds from the flush of what a message brought to its deletion.",
    NUMBER, default="300", least=0, most=36_000,
)  # fmt: skip
_OF_ALL = (_ACCOUNT, _CEILING, _CHECKPOINTS, *_DELIVERY, _SOURCE, _ALL_VERSIONS, _HEARTBEAT)

GUARDDUTY = Kind(
    "aws_guardduty",
    "AWS GuardDuty findings",
    "Polls GuardDuty's findings of every chosen region.",
    (
        *_OF_ALL,
        *_POLLING,
        Setting("least_severity", "Least severity", "From 0 to 10.", NUMBER, default="0", most=10),
        Setting("archived", "Archived findings", "Archived findings too.", BOOLEAN, default="true"),
    ),
)
SECURITY_HUB = Kind(
    "aws_security_hub",
    "AWS Security Hub findings",
    "Polls the findings of Security Hub CSPM (ASFF) or of Security Hub (OCSF) of every chosen region.",
    (
        *_OF_ALL,
        *_POLLING,
        _PASSED,
        Setting(
            "product", "Product", "Which Security Hub of an account: cspm_first is Security Hub CSPM (ASFF) where it "
            "is on, else the new Security Hub (OCSF); ocsf_first the other way round; cspm and ocsf that one alone.",
            default="cspm_first", choices=("cspm_first", "ocsf_first", "cspm", "ocsf"),
        ),
        *_OF_THE_HUBS,
        Setting(
            "backfill_by", "Back-fill by", "paging, or export: Security Hub (OCSF) exports findings to S3, where they "
            "are read. Security Hub CSPM knows paging alone.", default="paging", choices=("paging", "export"),
        ),
        Setting("export_bucket", "Export bucket", "Name of the bucket that an export goes to."),
        Setting(
            "export_key_arns", "Export keys", "ARNs of KMS keys, one for each account and region with an export, "
            "separated by commas. Where there is none, the back-fill is by paging.",
        ),
        Setting("export_prefix", "Export prefix", "What the keys of the export begin with.", default="aws-siem-bridge"),
        Setting("archived", "Archived findings", "Archived findings too.", BOOLEAN, default="true"),
        Setting(
            "sweep_every_s", "Sweep", "Seconds between two readings of everything active, for what changes without "
            "its time: workflow, notes, severity. 0 for none.", NUMBER, default="3600", most=86_400,
        ),
        Setting(
            "sweep_days", "Days of a sweep", "A sweep reads what was updated in so many days.",
            NUMBER, default="7", least=1, most=90,
        ),
    ),
)  # fmt: skip
EVENTS = Kind(
    "aws_security_events_sqs",
    "AWS security events",
    "Findings of GuardDuty, Security Hub, Inspector, Macie and Access Analyzer that EventBridge puts into a queue.",
    (
        *_OF_ALL,
        _PASSED,
        *_OF_THE_HUBS,
        _QUEUE,
        _QUEUE_REGION,
        Setting(
            "datasets", "Findings", "guardduty, securityhub, securityhub_v2, inspector, macie, accessanalyzer, signin, "
            "event; empty for all. Others in the queue are deleted and counted.",
        ),
        _DELETE_AFTER,
        Setting(
            "reconcile", "Reconcile", "What AWS is asked for as well, because EventBridge may lose it: inspector, "
            "macie, accessanalyzer, separated by commas; none for nothing.", default="inspector, macie",
        ),
        Setting(
            "reconcile_every_s", "Reconcile every", "Seconds between two of these polls.",
            NUMBER, default="86400", least=1, most=604_800,
        ),
        Setting("regions", "Regions", "That are reconciled: all, or a list separated by commas.", default="all"),
        _LOOK_AGAIN,
    ),
)  # fmt: skip

WAF = Kind(
    "aws_waf_detections",
    "AWS WAF detections",
    "Requests that a web ACL blocked, counted, challenged, monetised or limited, out of its logs in S3.",
    (
        _ACCOUNT, _CEILING, _CHECKPOINTS, *_DELIVERY, _SOURCE, _HEARTBEAT, _QUEUE, _QUEUE_REGION, _DELETE_AFTER,
        Setting(
            "sample_percent", "Sample", "Percent of these requests that are written.",
            NUMBER, default="100", least=1, most=100,
        ),
    ),
)  # fmt: skip

ASSETS = Kind(
    "aws_assets",
    "AWS assets",
    "What there is in every chosen region, how it is exposed, and what changed: instances, addresses, buckets, users.",
    (
        _ACCOUNT,
        _CEILING,
        _CHECKPOINTS,
        *_DELIVERY,
        _SOURCE,
        _HEARTBEAT,
        Setting("regions", "Regions", "all, or a list separated by commas.", default="all"),
        _LOOK_AGAIN,
        Setting(
            "poll_interval_s", "Interval", "Seconds between two inventories of a region.",
            NUMBER, default="3600", least=1, most=86_400,
        ),
        Setting(
            "config_aggregator", "Config aggregator",
            "auto: an aggregator of AWS Config, where there is one, for accounts and regions that are not read "
            "themselves. Or its name, region/name where it is not in the home region; none.",
            default="auto",
        ),
        *(
            Setting(
                f"{what}_tags", f"Tags of the {what}",
                f"Names of tags that say the {what}, separated by commas; the first that there is, in any casing.",
                default=", ".join(usual),
            )
            for what, usual in USUAL_TAGS._asdict().items()
        ),
    ),
)  # fmt: skip

PROWLER = Kind(
    "aws_prowler_files",
    "Prowler findings",
    "Findings of Prowler's scans, from its files in S3 in OCSF or ASFF, which a queue announces.",
    (*_OF_ALL, _PASSED, _QUEUE, _QUEUE_REGION, _DELETE_AFTER),
)

SHIELD = Kind(
    "aws_shield",
    "AWS Shield Advanced attacks",
    "Polls the attacks that Shield Advanced saw, of every account with a subscription. Shield Standard has no log.",
    (
        *_OF_ALL,
        *(each for each in _POLLING if each.name not in ("regions", "poll_interval_s")),
        Setting(
            "poll_interval_s", "Poll interval", "Seconds between two polls of an account.",
            NUMBER, default="300", least=1, most=86_400,
        ),
    ),
)  # fmt: skip

RESPONSE_STATUS = Kind(
    "aws_response_status",
    "AWS response status",
    "What becomes of responses, step by step, out of objects in S3 that a queue announces: where HEC is out of reach.",
    (
        _ACCOUNT, _CEILING, _CHECKPOINTS, *_DELIVERY, _SOURCE, _HEARTBEAT, _QUEUE, _QUEUE_REGION, _DELETE_AFTER,
    ),
)  # fmt: skip

KINDS = {kind.name: kind for kind in (GUARDDUTY, SECURITY_HUB, EVENTS, WAF, ASSETS, PROWLER, SHIELD, RESPONSE_STATUS)}
#: Those that read a queue.
OF_A_QUEUE = (EVENTS, WAF, PROWLER, RESPONSE_STATUS)


def kind_of(stanza: str) -> Optional[Kind]:
    """Return the kind of a stanza such as ``aws_guardduty://prod``."""
    return KINDS.get(stanza.partition("://")[0])


def scheme(kind: Kind) -> str:
    """Return the scheme as splunkd reads it.

    https://dev.splunk.com/enterprise/docs/developapps/manageknowledge/custominputs/modinputsscript/#Introspection-scheme-details
    """
    arguments = "".join(
        f"<arg name={quoteattr(each.name)}><title>{escape(each.title)}</title>"
        f"<description>{escape(each.description)}</description><data_type>{each.type}</data_type>"
        f"<required_on_create>{str(each.required).lower()}</required_on_create>"
        "<required_on_edit>false</required_on_edit></arg>"
        for each in kind.settings
    )
    return (
        f"<scheme><title>{escape(kind.title)}</title><description>{escape(kind.description)}</description>"
        "<use_external_validation>true</use_external_validation><streaming_mode>xml</streaming_mode>"
        f"<use_single_instance>false</use_single_instance><endpoint><args>{arguments}</args></endpoint></scheme>"
    )
