"""What people are told, over real HTTP: nothing that an attacker wrote formats, links, hides or calls anybody."""

from __future__ import annotations

import itertools
import json
import re
from datetime import timedelta, timezone
from typing import Any, Dict, Iterator, List

import pytest

import aws_siem_bridge
from response.actions.notify import Notifier
from response.aws.channels import Channels
from response.aws.threads import Threads
from response.core import notices
from response.core.notice_texts import LANGUAGES, TEXTS
from response.core.notices import notice_of, settings_of
from response.errors import BadSettings
from response.handlers import notify as handler
from tests.response.receivers import SECRET_PATH, TOKEN, Receiver
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
NOW_S = 1_800_000_000.0
SEOUL = timezone(timedelta(hours=9), "KST")
EVIL = (
    "@everyone <!channel> <@U1> [x](https://evil.example) *bold* `c` <https://evil.example|log in>\n\u202egnp.exe\u200b"
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


class Office:
    """Channels of all kinds, and a table for their threads."""

    def __init__(self, room: ServerRoom, receiver: Receiver) -> None:
        self.room, self.receiver = room, receiver
        self.table = f"threads-{next(_numbers)}"
        room.account.client("dynamodb", REGION).create_table(
            TableName=self.table, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        self.waited: List[float] = []
        self.discord = {"kind": "discord", "name": "discord", "url": receiver.url + SECRET_PATH, "forum": True}
        self.slack = {"kind": "slack", "name": "slack", "token": TOKEN, "channel": "C0INCIDENTS"}
        self.webhook = {
            "kind": "webhook",
            "name": "own",
            "url": receiver.url + "/hook",
            "header": "X-Key",
            "value": "k",
        }

    def tell(self, *channels: Dict[str, Any], language: str = "en", **event: Any) -> Any:
        given = {"kind": "began", "incident": "i-1-1", "account": self.room.account.id, "region": REGION,
                 "instance": "i-0123456789abcdef0", "dry_run": False, **event}  # fmt: skip
        notice = notice_of(given, NOW_S, "shop", "https://splunk.example:8000")
        senders = Channels(
            self.room.area, sleep=self.waited.append, slack_url=self.receiver.url + "/api/chat.postMessage"
        )
        return Notifier(channels, senders, Threads(self.room.area, self.table), language, SEOUL).tell(notice)


@pytest.fixture
def office(room: ServerRoom, receiver: Receiver) -> Office:
    return Office(room, receiver)


def test_one_incident_is_one_thread_of_each_channel(office, receiver):
    for kind in ("began", "ended"):
        assert office.tell(office.discord, office.slack, office.webhook, kind=kind).result == "done"
    assert office.tell(office.discord, office.slack, incident="i-1-2").result == "done"
    discord = [each for each in receiver.taken if each.path == SECRET_PATH]
    assert [each.body.get("thread_name") for each in discord] == ["i-1-1", None, "i-1-2"]
    assert [each.query.get("thread_id") for each in discord] == [None, ["thread-1"], None]
    slack = [each.body for each in receiver.taken if each.path.endswith("postMessage")]
    assert [each.get("thread_ts") for each in slack] == [None, "1700000000.000002", None]
    (own, _) = [each for each in receiver.taken if each.path == "/hook"]
    assert own.headers["X-Key"] == "k" and own.body["incident"] == "i-1-1"


def test_what_an_attacker_wrote_is_shown_and_does_nothing(office, receiver):
    office.tell(office.discord, office.slack, office.webhook, kind="ended", search=EVIL, result="failed", says=EVIL)
    discord, slack, own = (each.body for each in receiver.taken)
    assert discord["allowed_mentions"] == {"parse": []}
    for raw in ("@everyone <", "[x](", "*bold*", "`c`", "<@U1>", "https://evil"):
        assert raw not in discord["content"], raw
    text = slack["blocks"][0]["text"]["text"]
    for raw in ("<!channel", "<@U1", "|log in>", "*bold*", "`c`", "https://evil", "@everyone"):
        assert raw not in text, raw
    assert "&lt;!channel&gt;" in text and (slack["link_names"], slack["parse"]) == (False, "none")
    assert own["alert"].startswith("@everyone <!channel>")
    for body in (discord, slack, own):
        shown = json.dumps(body, ensure_ascii=False)
        assert not set(shown) & set("\u202e\u200b\x00") and "gnp.exe" in shown.replace("\\", "")


def test_it_says_what_happened_what_was_done_what_failed_and_where_to_look(office, receiver):
    results = [{"result": "done", "says": "isolated"}, {"result": "failed", "says": "no memory"}]
    office.tell(
        office.webhook, kind="ended", results=results, result="partial", says="the end", problems="a step was late",
        sid="scheduler__x/1", search="Crypto mining",
    )  # fmt: skip
    (own,) = (each.body for each in receiver.taken)
    assert (own["done"], own["failed"]) == (["isolated", "the end"], ["no memory", "a step was late"])
    assert [each["url"] for each in own["links"]] == [
        f"https://{REGION}.console.aws.amazon.com/ec2/home?region={REGION}#InstanceDetails:instanceId=i-0123456789abcdef0",
        "https://splunk.example:8000/app/search/@go?sid=scheduler__x%2F1",
    ]
    assert f"Account: shop ({office.room.account.id})" in own["text"]
    assert "Time: 2027-01-15 08:00:00 UTC, 2027-01-15 17:00:00 KST" in own["text"]
    # What is no id of an instance is no link.
    office.tell(office.webhook, instance="i-1#x", sid="")
    assert receiver.taken[-1].body["links"] == []


def test_a_person_is_asked_and_told_how_to_answer_in_korean(office, receiver):
    office.tell(office.webhook, language="ko", kind="question", reason="it is protected", approver="kim", dry_run=True)
    text = receiver.taken[0].body["text"]
    assert "사고 i-1-1: 담당자 승인 필요" in text and "aws-siem-bridge respond approve i-1-1" in text
    assert "모의 실행입니다" in text and "token" not in text


def test_every_sentence_is_there_in_every_language():
    for key, sentences in TEXTS.items():
        assert set(sentences) == set(LANGUAGES), key
        filled = {tuple(sorted(re.findall(r"{(\w+)}", each))) for each in sentences.values()}
        assert len(filled) == 1, key


def test_a_message_that_is_too_long_is_cut_and_keeps_its_links(office, receiver):
    results = [{"result": "done", "says": "x" * 600} for _ in range(40)]
    assert office.tell(office.discord, office.slack, results=results, sid="1").result == "done"
    discord = receiver.taken[0].body["content"]
    assert "…" in discord and "sid=1" in discord and len(discord) <= 2000


def test_sns_gets_a_subject_of_ascii_and_a_text(office):
    account = office.room.account
    sns, sqs = account.client("sns", REGION), account.client("sqs", REGION)
    topic = sns.create_topic(Name="incidents")["TopicArn"]
    queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    event = {"incident": "사고\n1", "kind": "ended", "result": "done", "says": "isolated https://evil.example"}
    assert office.tell({"kind": "sns", "name": "mail", "topic": topic}, **event).result == "done"
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sent = json.loads(message["Body"])
    assert sent["Subject"] == "Incident ?? 1: response ended, done" and "https[:]//evil.example" in sent["Message"]
    gone = office.tell({"kind": "sns", "name": "mail", "topic": topic.replace("incidents", "none")})
    assert gone.result == "failed" and "sns:Publish" in gone.says


@pytest.mark.parametrize(
    ("answers", "result", "says", "waits"),
    [
        ([(429, {"Retry-After": "0.5"})], "done", "1 of 1", [0.5]),
        ([(429, {"Retry-After": "2"}), (429, {"Retry-After": "soon"})], "done", "1 of 1", [2.0, 1.0]),
        ([(429, {"Retry-After": "3600"})], "failed", "it takes nothing for 3600 s more", []),
        ([(429, {})] * 3, "failed", "it answered HTTP 429", [1.0, 1.0]),
        ([(500, {})], "failed", "it answered HTTP 500", []),
        ([(302, {"Location": "https://evil.example"})], "failed", "it answered HTTP 302", []),
    ],
)
def test_a_receiver_that_is_busy_or_unwell(office, receiver, answers, result, says, waits):
    receiver.answers = list(answers)
    found = office.tell(office.discord)
    assert (found.result, says in found.says, office.waited) == (result, True, waits), found.says


def secrets_in(found: Any) -> List[str]:
    said = json.dumps(found.to_json() if hasattr(found, "to_json") else found)
    return [each for each in ("very-secret", "webhooks", TOKEN, "127.0.0.1") if each in said]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "http://127.0.0.1:1/api/webhooks/1/very-secret"}, "it cannot be reached: "),
        ({"url": "http://evil.example/very-secret"}, "its URL is not one of https"),
        ({"url": "https://very-secret@exa mple/very-secret"}, "it cannot be"),
        ({"url": None}, "its URL is not one of https"),
        ({"kind": "telex"}, "its kind is none of"),
        ({"kind": "slack", "token": "very-secret"}, "Slack refuses it: invalid_auth"),
        ({"kind": "slack", "token": TOKEN, "channel": "x"}, "Slack refuses it: channel_not_found"),
        ({"kind": "webhook", "header": "bad\nheader", "value": "very-secret"}, "it cannot be"),
    ],
)  # fmt: skip
def test_one_channel_that_fails_stops_no_other_and_shows_no_secret(office, receiver, changes, says, capfd):
    found = office.tell({**office.discord, "name": "broken", **changes}, office.webhook)
    assert (found.result, len(receiver.taken)) == ("failed", 1)
    assert "1 of 2 channels were told" in found.says and f"broken: {says}" in found.says
    assert secrets_in(found) == []
    assert "very-secret" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("kind, times", [("denied", 0), ("throttled", 0), ("timeout", 1), ("half_done", 0)])
@pytest.mark.parametrize("call", ["dynamodb:GetItem", "dynamodb:PutItem"])
def test_a_table_that_fails_keeps_nobody_from_being_told(room, office, receiver, call, kind, times):
    room.session.fault, room.session.failed = Fault(call, kind, times), 0
    try:
        found = office.tell(office.discord)
    finally:
        room.session.fault = None
    assert room.session.failed and found.result == "done" and len(receiver.taken) == 1
    # What took effect without an answer is found by the next attempt.
    assert bool(found.notes) == (times == 0 and (call, kind) != ("dynamodb:PutItem", "half_done"))


def test_two_messages_at_the_same_moment_keep_the_first_thread(room, office):
    threads = Threads(room.area, office.table)
    threads.keep("i-1", "c", "first")
    threads.keep("i-1", "c", "second")
    assert threads.find("i-1", "c") == "first"


def test_the_function_reads_its_channels_from_a_secret_and_never_fails(room, office, receiver, capfd):
    name = f"channels-{next(_numbers)}"
    environment = {"AWS_REGION": REGION, "AWS_SIEM_BRIDGE_TABLE": office.table, "AWS_SIEM_BRIDGE_CHANNELS": name}
    event = {"incident": "i-1-1", "account": room.account.id, "region": REGION, "instance": "i-0123456789abcdef0",
             "kind": "began", "dry_run": True}  # fmt: skip
    answer = handler.do(event, environment)
    assert answer["result"] == "failed" and "nobody was told: secretsmanager:GetSecretValue" in answer["says"]
    known = {
        "channels": [office.webhook],
        "language": "ko",
        "zone": "Asia/Seoul",
        "accounts": {room.account.id: "상점"},
    }
    secrets = room.account.client("secretsmanager", REGION)
    secrets.create_secret(Name=name, SecretString=json.dumps(known))
    assert handler.do(event, environment)["result"] == "done"
    assert f"계정: 상점 ({room.account.id})" in receiver.taken[0].body["text"]
    secrets.put_secret_value(SecretId=name, SecretString="very-secret")
    answer = handler.do(event, environment)
    assert answer["result"] == "failed" and secrets_in(answer) == []
    assert "very-secret" not in "".join(capfd.readouterr())


def test_a_responder_tries_the_channels_at_the_command_line(room, office, receiver, capsys):
    name = f"channels-{next(_numbers)}"
    channels = {"channels": [office.webhook]}
    room.account.client("secretsmanager", REGION).create_secret(Name=name, SecretString=json.dumps(channels))
    argv = ["notify", "test", "--region", REGION, "--table", office.table, "--channels", name, "--text", "a test"]
    assert aws_siem_bridge.main(["respond", *argv]) == 0 and "1 of 1 channels were told" in capsys.readouterr().out
    assert (receiver.taken[0].body["incident"], receiver.taken[0].body["done"]) == ("test", ["a test"])
    assert aws_siem_bridge.main(["respond", *argv[:-4], "--channels", "none"]) == 1


@pytest.mark.parametrize("known", ["", "[]", '{"channels": {}}', '{"channels": [], "language": "fr"}'])
def test_settings_that_cannot_be_meant(known):
    with pytest.raises(BadSettings):
        settings_of(known)


def test_a_text_is_one_line_of_what_can_be_seen():
    assert notices.clean("a\r\n\tb\u2028c\u2066d\ue000e\x1b[0m") == "a b cde [0m"
    assert len(notices.clean("x" * 10_000)) == notices.MOST_TEXT
