"""The page by which a person answers: from the link in a notice to the workflow that goes on, once."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any, Callable, Dict, Iterator, List, Tuple
from urllib.parse import urlencode

import pytest

from aws_bridge.errors import AwsError
from lab.lambda_runtime import Environments, Function, LambdaRuntimeUnavailable, lay_out_package
from response.actions.answer import answer
from response.aws.links import Links
from response.core import approval_texts
from response.core.asking import Asking
from response.core.notice_texts import LANGUAGES
from response.errors import NoIncident
from response.handlers import approval_page, notify
from response.package import RESPONSE
from tests.response.command_line import run
from tests.response.receivers import Receiver
from tests.response.server_room import REGION, Fault, ServerRoom
from tests.response.workshop import LONGEST_S, Workshop

PAGE = "https://a1b2c3.lambda-url.eu-west-1.on.aws"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=y>\u202egnp"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def workshop(room: ServerRoom, receiver: Receiver) -> Iterator[Workshop]:
    """Two channels: readers of ``soc`` may approve, those of ``tickets`` may not."""
    channels = [
        {"kind": "webhook", "name": "soc", "url": f"{receiver.url}/soc", "approves": ["alice", ""]},
        {"kind": "webhook", "name": "tickets", "url": f"{receiver.url}/tickets", "approves": ["bob"]},
    ]
    known = {"channels": channels, "accounts": {room.account.id: "shop & co"}}
    secret = room.account.client("secretsmanager", REGION).create_secret(Name="soc", SecretString=json.dumps(known))
    with Workshop(room, {"notify": notify.do}, CHANNELS=secret["ARN"], APPROVAL_URL=f"{PAGE}/") as made:
        yield made


def event(method: str, path: str, body: str = "", kind: str = FORM, encoded: bool = False) -> Dict[str, Any]:
    """Return what Lambda makes of a request to a function URL.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
    """
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"content-type": kind, "host": PAGE[8:], "user-agent": "test"},
        "requestContext": {
            "accountId": "anonymous", "domainName": PAGE[8:], "stage": "$default", "requestId": "r",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "198.51.100.7"},
        },
        **({"body": body} if body else {}), "isBase64Encoded": encoded,
    }  # fmt: skip


Handler = Callable[[Dict[str, Any], Dict[str, str]], Dict[str, Any]]


def visit(
    workshop: Workshop, link: str, method: str = "GET", handler: Handler = approval_page.do, **fields: str
) -> Tuple[int, str]:
    """Return status and text of the page."""
    assert link.startswith(f"{PAGE}/")
    # Lambda encodes the body of a form.
    body = base64.b64encode(urlencode(fields).encode()).decode()
    given = event(method, link[len(PAGE) :], body if fields else "", encoded=bool(fields))
    found = handler(given, workshop.settings)
    return found["statusCode"], found["body"]


def told(receiver: Receiver, channel: str, incident: str) -> Dict[str, Any]:
    """Wait for the question in a channel."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        for each in list(receiver.taken):
            if (each.path, each.body["kind"], each.body["incident"]) == (f"/{channel}", "question", incident):
                return each.body
        time.sleep(0.05)
    raise TimeoutError(incident)


def links_in(notice: Dict[str, Any]) -> List[str]:
    return [each["url"] for each in notice["links"] if each["label"] == "Approve or reject"]


def begin(room: ServerRoom, workshop: Workshop, **tags: str) -> Any:
    """Let a response wait for a person; return its instance."""
    workshop.set(mode="live", most_an_hour=100, minutes_each=1440, approvers=["alice", "bob"])
    target = room.server(tags=tags or {"AmazonECSManaged": ""})
    assert workshop.respond(target).result == "waits_for_approval"
    return target


def asked(workshop: Workshop, receiver: Receiver, target: Any) -> Tuple[str, str]:
    """Wait until a person is asked; return incident and link."""
    name = f"{target.instance}-1"
    workshop.asked(name, 1)
    (link,) = links_in(told(receiver, "soc", name))
    return name, link


class Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: List[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def in_lambda(workshop: Workshop, tmp_path_factory: Any) -> Iterator[Tuple[Callable[[], str], Handler]]:
    """The function in Lambda's own runtime, of what is deployed: its log, and how it is called."""
    variables = {**workshop.room.account.environment(REGION), **workshop.settings}
    try:
        code = lay_out_package(tmp_path_factory.mktemp("page") / "code", package=RESPONSE)
        name = "approval-page"
        handler = "response.handlers.approval_page.approval_page"
        environments = Environments(Function(name, handler, code, timeout_s=240, environment=variables), 1)
    except LambdaRuntimeUnavailable as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))

    def call(given: Dict[str, Any], _: Dict[str, str]) -> Dict[str, Any]:
        found = environments.invoke(json.dumps(given).encode())
        assert not found.failed, found
        return dict(found.payload)

    with environments:
        yield environments.log, call


def test_from_the_link_in_a_notice_to_isolation_and_only_once(room, workshop, receiver, in_lambda, capsys, caplog):
    target = begin(room, workshop, **{"aws:eks:cluster-name": EVIL})
    name, link = asked(workshop, receiver, target)
    log, run_in_lambda = in_lambda

    def open_link(method: str = "GET", **fields: str) -> Tuple[int, str]:
        return visit(workshop, link, method, run_in_lambda, **fields)

    before = workshop.questions.find(name)
    for method in ("GET", "HEAD", "GET"):  # whatever previews links fetches them
        status, page = open_link(method)
        assert status == 200 and (page == "") == (method == "HEAD")
    assert workshop.questions.find(name) == before and room.is_open(target)
    shown = Tags(page)
    assert not {"script", "img", "a", "iframe", "link"} & set(shown.found)
    for text in (
        target.instance, f"shop & co ({target.account})", REGION, "a node of the EKS cluster <script>", "alice",
        "isolated and its evidence is collected", "Nothing is done", "bob is asked, with a new link",
    ):  # fmt: skip
        assert text in shown.text, text
    assert "\u202e" not in page
    assert links_in(told(receiver, "tickets", name)) == []
    # Enter in a field presses the first button.
    assert re.findall("<button[^>]*>", page)[0] == "<button disabled hidden>"
    assert open_link("POST", answer="approve", name=" \u200b")[0] == 400
    assert open_link("POST", answer="perhaps", name="Kim")[0] == 400
    assert workshop.questions.find(name) == before
    said = {"answer": "approve", "name": f"김민수{EVIL}", "why": 'on "call"'}
    status, page = open_link("POST", **said)
    assert status == 200 and "Your answer counts: approved" in page
    status, again = open_link("POST", answer="reject", name="Lee")
    assert status == 410 and "It is decided: approved" in again and "김민수&lt;script&gt;" in again
    status, _, err = run(capsys, "reject", name, "--table", workshop.table, "--region", REGION)
    assert status == 1 and "was agreed by " in err
    assert workshop.well(name) == "done" and not room.is_open(target)
    assert workshop.incident(target).state == "running"
    by = workshop.statuses(name)["approval"]["says"]
    assert (
        by.startswith('agreed by "김민수<script>') and 'channel "soc", from 198.51.100.7, who says "on \'call\'"' in by
    )
    where = ["--bucket", room.bucket, "--table", workshop.table, "--region", REGION]
    _, status_says, _ = run(capsys, "status", target.instance, *where)
    assert "    asked alice at " in status_says and f": {by.partition(' from ')[0]}" in status_says
    assert '"outcome":"agreed"' in log()
    _nowhere(room, workshop, name, link.rpartition("/")[2], err + again + status_says + caplog.text + log())


def _nowhere(room: ServerRoom, workshop: Workshop, name: str, id: str, shown: str) -> None:
    """The id is in the notice alone, the token in the table and with who keeps it."""
    (kept,) = workshop.called("ask_approval", name)
    table = json.dumps(room.account.client("dynamodb", REGION).scan(TableName=workshop.table)["Items"])
    arn = f"{workshop.machine.replace(':stateMachine:', ':execution:')}:{name}"
    history = str(workshop.steps.get_execution_history(executionArn=arn, maxResults=1000)["events"])
    calls = json.dumps([each for called, each in workshop.calls if called != "ask_approval"])
    for where in (table, history, calls, json.dumps(kept), shown):
        assert id not in where
    assert kept["token"] not in calls + shown


def test_of_many_who_answer_at_once_by_both_ways_one_decides(room, workshop, receiver):
    target = begin(room, workshop)
    name, link = asked(workshop, receiver, target)
    key = workshop.incident(target).key
    barrier = threading.Barrier(8)

    def at_the_command_line() -> str:
        barrier.wait(LONGEST_S)
        try:
            answer(workshop.questions, workshop.incidents, name, key, agreed=True, by="arn:aws:iam::1:role/kim")
        except NoIncident as exc:
            assert "was " in str(exc)
            return ""
        return "agreed"

    def by_the_link() -> str:
        barrier.wait(LONGEST_S)
        status, page = visit(workshop, link, "POST", answer="reject", name="Lee")
        assert (status, "It is decided" in page) in ((200, False), (410, True)), page
        return "rejected" if status == 200 else ""

    with ThreadPoolExecutor(8) as pool:
        ways: List[Callable[[], str]] = [at_the_command_line, by_the_link] * 4
        answers = [each.result() for each in [pool.submit(way) for way in ways]]
    (decided,) = [each for each in answers if each]
    status, output = workshop.ended(name)
    assert (status == "SUCCEEDED", room.is_open(target)) == (decided == "agreed", decided == "rejected"), output
    assert f"{decided} by " in workshop.statuses(name)["approval"]["says"]
    found = workshop.questions.find(name)
    assert found and found.answer == decided


#: A fault of a call while somebody answers: whether the answer counts.
FAULTS = {
    Fault("stepfunctions:SendTaskSuccess", "half_done", 1): True,
    Fault("stepfunctions:SendTaskSuccess", "timeout", 1): True,
    Fault("stepfunctions:SendTaskSuccess", "throttled", 1): True,
    Fault("stepfunctions:SendTaskSuccess", "denied", 0): False,
    Fault("dynamodb:UpdateItem", "half_done", 1): True,
    Fault("dynamodb:UpdateItem", "denied", 1): False,
    Fault("dynamodb:GetItem", "denied", 1): False,
}


@pytest.fixture(scope="module")
def waiting(room: ServerRoom, workshop: Workshop) -> Dict[Any, Any]:
    """Return fault -> the instance whose response waits. All wait side by side."""
    return {fault: begin(room, workshop) for fault in (*FAULTS, None)}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: f"{each.operation} {each.kind}")
def test_an_answer_whose_call_fails_counts_or_can_be_given_again(room, workshop, receiver, waiting, fault):
    name, link = asked(workshop, receiver, waiting[fault])
    room.session.fault, room.session.failed = fault, 0
    try:
        workshop.questions.answer(name, False, "kim")
        counts = True
    except AwsError:
        counts = False
    finally:
        room.session.fault = None
    assert room.session.failed and counts is FAULTS[fault]
    if not counts:
        assert visit(workshop, link, "POST", answer="reject", name="Lee")[0] == 200
    assert workshop.ended(name)[0] == "FAILED"
    assert f"rejected by {'kim' if counts else chr(34) + 'Lee'}" in workshop.statuses(name)["approval"]["says"]
    assert visit(workshop, link)[0] == 410


def test_a_claim_of_somebody_who_is_gone_holds_nobody_up(room, workshop, receiver, waiting):
    name, link = asked(workshop, receiver, waiting[None])
    room.session.fault, room.session.failed = Fault("stepfunctions:SendTaskSuccess", "timeout"), 0
    with pytest.raises(AwsError):
        workshop.questions.answer(name, True, "kim")
    room.session.fault = None
    # It may have arrived: nobody else decides, until it is known that he does not any more.
    assert visit(workshop, link, "POST", answer="reject", name="Lee")[0] == 410
    key = {"pk": {"S": f"question|{name}"}}
    room.account.client("dynamodb", REGION).update_item(
        TableName=workshop.table, Key=key, UpdateExpression="SET #at = :at", ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":at": {"N": str(int(time.time() * 1000) - 61_000)}},
    )  # fmt: skip
    assert visit(workshop, link, "POST", answer="reject", name="Lee")[0] == 200
    assert workshop.ended(name)[0] == "FAILED"


ASKING = Asking(
    id="i-1-1#0", incident="i-1-1", key="", account="1", account_name="", region=REGION, target="i-1",
    action="isolate_instance", alert="", reason="why", when="before_hard", approver="", following="",
    has_following=False, goes_on=True, dry_run=True, language="ko", until_s=4e9, until="2096",
)  # fmt: skip
#: What became of the question -> its page.
LATER: Dict[str, Tuple[Dict[str, Any], List[str], int, str]] = {
    "asked": ({}, ["i-1-1#0"], 200, "승인한 것과 같이 진행합니다"),
    "the next person": ({"has_following": True}, ["i-1-1#0"], 200, "다음 담당자에게 새 링크로"),
    "not yet": ({}, [], 503, "잠시 후 다시"),
    "time is over": ({"until_s": 1.0}, ["i-1-1#0"], 410, "만료된 링크"),
    "never asked": ({"until_s": 1.0, "language": "en"}, [], 410, "This link has ended"),
    "asked again": ({}, ["i-1-1#0", "i-1-1#1"], 410, "만료된 링크"),
}


@pytest.mark.parametrize("case", LATER)
def test_a_link_says_what_became_of_its_question(room, workshop, case):
    changed, questions, status, says = LATER[case]
    incident = f"i-{case.replace(' ', '-')}"
    links = Links(room.area, workshop.table)
    link = f"{PAGE}/{links.make(ASKING._replace(incident=incident, **changed), 'soc')}"
    for each in questions:
        workshop.questions.ask(incident, "no token of AWS's", "alice", each)
    found, page = visit(workshop, link)
    assert (found, says in page) == (status, True), page
    if status != 200:
        assert "<form" not in page and visit(workshop, link, "POST", answer="approve", name="Kim")[0] == status
    else:
        # The workflow does not wait for it: that is told, and the question is as it was.
        assert visit(workshop, link, "POST", answer="approve", name="Kim")[0] == 410
        assert workshop.questions.find(incident).answer == ""


def test_an_unknown_link_says_nothing_and_aws_away_says_so(room, workshop):
    known = Links(room.area, workshop.table).make(ASKING, "soc")
    pages = {visit(workshop, f"{PAGE}/{id}") for id in ("a" * 43, known[:-1], f"{known}a", "../x", "", known.upper())}
    ((status, page),) = pages
    assert status == 404 and "This link is not known" in page and "알 수 없는 링크" in page
    gone = {**workshop.settings, "AWS_SIEM_BRIDGE_TABLE": "gone"}
    assert approval_page.do(event("GET", f"/{known}"), gone)["statusCode"] == 503


ID = "a" * 43
REFUSED: Dict[str, Tuple[Any, int]] = {
    "DELETE": (event("DELETE", f"/{ID}"), 405),
    "no form": (event("POST", f"/{ID}", "{}", "application/json"), 415),
    "no type": ({**event("POST", f"/{ID}", "a=b"), "headers": None}, 415),
    "large": (event("POST", f"/{ID}", "name=" + "a" * 9000), 413),
    "no base64": (event("POST", f"/{ID}", "%%%", encoded=True), 400),
    "no UTF-8": (event("POST", f"/{ID}", base64.b64encode(b"\xff").decode(), encoded=True), 400),
    "many fields": (event("POST", f"/{ID}", "&".join(f"a{n}=b" for n in range(99))), 400),
    "another path": (event("GET", "/favicon.ico"), 404),
    "a direct call": ({"incident": "i-1-1"}, 400),
    "no object": ([], 400),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_browser_of_a_person_sends_is_refused_before_aws_is_asked(case, capfd):
    given, status = REFUSED[case]
    found = approval_page.do(given, {})
    assert found["statusCode"] == status
    headers = found["headers"]
    assert (headers.get("Allow") == "GET, HEAD, POST") == (status == 405)
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert "".join(capfd.readouterr()) == ""


def test_every_sentence_of_the_page_is_there_in_every_language():
    for key, sentences in approval_texts.TEXTS.items():
        assert set(sentences) == set(LANGUAGES), key
        filled = {tuple(sorted(re.findall(r"{(\w+)}", each))) for each in sentences.values()}
        assert len(filled) == 1 and all(html.escape(each, quote=False) == each for each in sentences.values()), key
