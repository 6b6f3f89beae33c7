"""Which alert actions there are, and their parameters: the one table of conf files, pages and the run itself."""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

#: What a row has to name at least one of.
INSTANCE, PRINCIPAL, ADDRESS, ANYTHING = "instance", "principal", "address", "anything"
#: Functions on AWS. ``start`` takes every action.
START, RELEASE = "start", "release"
TEXT, CHOICE, CHECKBOX = "text", "choice", "checkbox"


class Param(NamedTuple):
    """One parameter of an action, ``param.<name>``; all values are texts."""

    name: str
    label: str
    help: str
    default: str = ""
    kind: str = TEXT
    choices: Tuple[str, ...] = ()
    #: What a value has to match on save, empty for anything.
    pattern: str = ""
    #: What somebody reads whose value does not match.
    wrong: str = ""


class FieldParam(NamedTuple):
    """Which columns of a row hold something: names separated by commas, the first that has a fitting value is taken."""

    #: The member of the row that is handed over.
    member: str
    label: str
    default: str

    @property
    def param(self) -> Param:
        """As a parameter."""
        help = "Column of the results; several are tried in their order, the first with a fitting value is taken."
        return Param(f"{self.member}_field", self.label, help, self.default, pattern=_NAMES, wrong=_NAMES_WRONG)


#: Without a backslash, which Splunk's eval and its conf files read in ways of their own; so are all patterns here.
_NAMES = "^[^,]+(,[^,]+)*$"
_NAMES_WRONG = "names of columns, separated by commas, are needed"
#: Defaults: of this app's detections, then of its findings and assets, then of raw findings and events.
FIELDS: Dict[str, FieldParam] = {
    each.member: each
    for each in (
        FieldParam(
            "instance", "Instance column",
            "instance, instance_id, detail.resource.instanceDetails.instanceId, dest, src",
        ),
        FieldParam(
            "account", "Account column", "account, vendor_account, account_id, AwsAccountId, recipientAccountId"
        ),
        FieldParam("region", "Region column", "region, vendor_region, aws_region, awsRegion, Region"),
        FieldParam("arn", "ARN column", "arn, resource, dest, Resources{}.Id, resources{}.uid"),
        FieldParam("principal", "Principal column", "principal, user_arn, user, session, userIdentity.arn"),
        FieldParam("access_key", "Access key column", "access_key, userIdentity.accessKeyId"),
        FieldParam("address", "Address column", "address, src, src_ip, dest, sourceIPAddress"),
        FieldParam("sample", "Sample column", "sample, Sample, detail.service.additionalInfo.sample"),
    )
}  # fmt: skip
#: Members of a row by what an action is about.
MEMBERS: Dict[str, Tuple[str, ...]] = {
    INSTANCE: ("instance", "account", "region", "arn", "sample"),
    PRINCIPAL: ("principal", "access_key", "instance", "account", "region", "arn", "sample"),
    ADDRESS: ("address", "account", "region", "sample"),
    ANYTHING: ("instance", "account", "region", "arn", "principal", "access_key", "address", "sample"),
}
#: Of these at least one.
NEEDED: Dict[str, Tuple[str, ...]] = {
    INSTANCE: ("instance", "arn"),
    PRINCIPAL: ("principal", "access_key", "instance", "arn"),
    ADDRESS: ("address",),
    ANYTHING: (),
}
#: How the rows' answer is waited for.
LATER, NOW = "later", "now"
#: Parameters that say how it is handed over, and are no options of the response.
ACCOUNT, ANSWER = "aws_account", "answer"
_OF_ALL = (
    Param(
        ACCOUNT, "AWS account", "Name of an account of this app that may invoke the functions; empty for the one in "
        "the app's response settings, default for this machine's own role.",
    ),
    Param(
        ANSWER, "Answer", "later: handed over, and each step comes back as an event (aws:siem_bridge:response). now: "
        "wait until each row is begun or refused, and write that into the action's log.",
        LATER, CHOICE, (LATER, NOW), "^(later|now)$", "choose later or now",
    ),
)  # fmt: skip
_MODE = Param(
    "mode", "Isolation", "soft: SSM and S3 stay reachable for evidence, where the instance has a private way to them, "
    "and it stays so. hard, or nothing: in the end nothing gets in or out.", "", CHOICE, ("", "soft", "hard"),
    "^(soft|hard)$", "choose soft or hard",
)  # fmt: skip


def _box(name: str, label: str, help: str, default: str) -> Param:
    return Param(name, label, help, default, CHECKBOX, pattern="^(0|1)$", wrong="0 or 1 is needed")


_DRY_RUN = _box(
    "dry_run", "Dry run", "Only say what would be done. It cannot switch on what AWS is set to not do.", "0"
)  # fmt: skip
_CUT_FLOWS = _box(
    "cut_flows", "Cut connections", "Cut connections that exist, too: for less than 5 seconds the instance is open to "
    "everybody.", "0",
)  # fmt: skip
_VOLATILE = (
    _box(
        "volatile", "Memory and processes", "Collect what is lost when the instance stops, through the SSM agent.", "1"
    ),
    Param(
        "volatile_deadline_s", "Deadline of memory", "Seconds after which that ends, 60 to 3300; empty: by the "
        "instance's memory.", pattern="^([6-9][0-9]|[1-9][0-9]{2}|[12][0-9]{3}|3[0-2][0-9]{2}|3300)$",
        wrong="whole seconds from 60 to 3300 are needed",
    ),
    Param(
        "work_folder", "Folder on the host", "Where it is written before it is uploaded; empty: as set on AWS.",
        pattern="^/[A-Za-z0-9/._-]+$", wrong="an absolute path of letters, digits and /._- is needed",
    ),
    _box("evidence_volume", "Volume for memory", "Attach a volume for it where no disk of the host has room.", "1"),
)  # fmt: skip
_REVOKE_TOO = _box(
    "revoke_credentials", "Revoke credentials", "Make the instance's credentials worthless, too, after it is isolated.",
    "0",
)  # fmt: skip
_SCOPE = Param(
    "scope", "Web ACLs", "REGIONAL: of load balancers and gateways. CLOUDFRONT: of distributions.", "REGIONAL", CHOICE,
    ("REGIONAL", "CLOUDFRONT"), "^(REGIONAL|CLOUDFRONT)$", "choose REGIONAL or CLOUDFRONT",
)  # fmt: skip
_PROFILE = _box("profile", "Replace the profile", "Of an instance: a profile that may do nothing.", "1")
_METADATA = _box("metadata", "Metadata service off", "Of an instance: no new credentials from there.", "1")
_KEYS = _box("keys", "Access keys inactive", "Of a user: all access keys.", "1")
_PASSWORD = _box("password", "No console password", "Of a user: without it nobody signs in at the console.", "1")
_DENY = Param(
    "deny", "Deny policy", "Deny what was issued before (revoke), or everything (contain). Nothing: of a principal "
    "yes, of an instance no, since it touches all users of the role.", "", CHOICE, ("", "yes", "no"), "^(yes|no)$",
    "choose yes or no",
)  # fmt: skip
_CONSENT = _box(
    "everybody", "Role-wide", "Agree that other users of the same role are cut off, too. Without it a role that others "
    "use is refused.", "0",
)  # fmt: skip


_KIND = Param(
    "kind", "Kind of principal", "Where the column has a name alone. An ARN says it by itself.", "", CHOICE,
    ("", "user", "role", "identity_center_user"), "^(user|role|identity_center_user)$",
    "choose user, role or identity_center_user",
)  # fmt: skip


class Action(NamedTuple):
    """One alert action, which is a stanza of alert_actions.conf and a script in bin."""

    name: str
    label: str
    description: str
    #: What a row is about.
    subject: str
    options: Tuple[Param, ...] = ()
    function: str = START
    #: For Enterprise Security: category, task, subject.
    cam: Tuple[str, str, str] = ("Containment", "update", "endpoint")

    @property
    def action(self) -> str:
        """What `start` is asked for."""
        return self.name[len("aws_") :]

    @property
    def params(self) -> Tuple[Param, ...]:
        """All parameters, in the order of the page."""
        return (*self.options, *(FIELDS[name].param for name in MEMBERS[self.subject]), *_OF_ALL)

    @property
    def field_names(self) -> Tuple[str, ...]:
        """Names of the parameters that name columns."""
        return tuple(FIELDS[name].param.name for name in MEMBERS[self.subject])


ACTIONS: Dict[str, Action] = {
    each.name: each
    for each in (
        Action(
            "aws_respond", "AWS: respond",
            "The whole response to an instance: isolate it, collect evidence, tell people.",
            INSTANCE, (_MODE, _CUT_FLOWS, *_VOLATILE, _REVOKE_TOO, _DRY_RUN), cam=("Containment", "update", "endpoint"),
        ),
        Action(
            "aws_isolate_instance", "AWS: isolate instance",
            "Cuts an EC2 instance off the network; its state is saved and can be put back.",
            INSTANCE, (_MODE, _CUT_FLOWS, _DRY_RUN), cam=("Containment", "block", "endpoint"),
        ),
        Action(
            "aws_release_instance", "AWS: release instance",
            "Puts an isolated EC2 instance back exactly as it was.",
            INSTANCE, (_DRY_RUN,), RELEASE, ("Containment", "allow", "endpoint"),
        ),
        Action(
            "aws_collect_evidence", "AWS: collect evidence",
            "Collects context, logs, memory and snapshots of an EC2 instance into the evidence bucket.",
            INSTANCE, (*_VOLATILE, _DRY_RUN), cam=("Information Gathering", "create", "endpoint"),
        ),
        Action(
            "aws_revoke_credentials", "AWS: revoke credentials",
            "Makes the credentials of an instance, an access key or a role's sessions worthless.",
            PRINCIPAL, (_KIND, _PROFILE, _METADATA, _KEYS, _DENY, _CONSENT, _DRY_RUN),
            cam=("Access Control", "delete", "user"),
        ),
        Action(
            "aws_contain_principal", "AWS: contain principal",
            "Takes an IAM user, a role or an Identity Center user out of service.",
            PRINCIPAL, (_KIND, _KEYS, _PASSWORD, _DENY, _CONSENT, _DRY_RUN), cam=("Access Control", "block", "user"),
        ),
        Action(
            "aws_release_principal", "AWS: release principal",
            "Gives a contained IAM user, role or Identity Center user its rights back.",
            PRINCIPAL, (_KIND, _DRY_RUN), cam=("Access Control", "allow", "user"),
        ),
        Action(
            "aws_block_ip", "AWS: block address",
            "Puts an address into an IP set of AWS WAF, for a while.",
            ADDRESS,
            (
                _SCOPE,
                Param(
                    "hours", "Hours", "After so many hours it is taken out again, 1 to 8760.", "24",
                    pattern=r"^([1-9][0-9]{0,2}|[1-7][0-9]{3}|8[0-6][0-9]{2}|87[0-5][0-9]|8760)$",
                    wrong="a whole number from 1 to 8760 is needed",
                ),
                Param("trusted", "Trusted", "Networks, between commas, that are not blocked; others are set on AWS."),
                _DRY_RUN,
            ),
            cam=("Network Access Control", "block", "network"),
        ),
        Action(
            "aws_unblock_ip", "AWS: unblock address",
            "Takes an address out of an IP set of AWS WAF.",
            ADDRESS, (_SCOPE, _DRY_RUN), cam=("Network Access Control", "allow", "network"),
        ),
        Action(
            "aws_notify", "AWS: notify",
            "Tells people by the channels that are set on AWS: Discord, Slack, SNS, a webhook.",
            ANYTHING,
            (Param("message", "Message", "A sentence that goes with it; Splunk replaces tokens such as $name$."),),
            cam=("Information Conveyance", "create", "alert"),
        ),
    )
}  # fmt: skip
