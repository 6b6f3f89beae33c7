"""What could not be handed over waits, is handed over once by one of many, and nothing is lost or doubled by a kill."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from typing import Any, Dict, List, Tuple

import pytest

from lab.splunkd.users import User
from splunk_bridge.chunked import CommandProcess, Job
from splunk_bridge.command_line import parse_command_line
from tests.splunk_app.alert_actions.conftest import ROW, START, Head, answer_every_row
from tests.splunk_app.conftest import BIN

from alert_actions.queue import CLAIM_S, EXPIRES_S, Queue  # isort: skip
from alert_actions.replay import EXPIRED, FAILED, HANDED_OVER, WAITS, Replay  # isort: skip
from splunk_host.splunkd import Splunkd  # isort: skip

ADMIN = User("admin", ("admin",))
REFUSED = (403, "AccessDeniedException", "not authorized to perform: lambda:InvokeFunction on it")
SEED = 20261130
KILLS = 20 if os.environ.get("AWS_SIEM_BRIDGE_FULL") else 8


def refused(head: Head, count: int = 1) -> List[Dict[str, Any]]:
    """Let so many alerts be kept; return the entries."""
    head.lambdas.before = lambda received: None
    for number in range(count):
        head.lambdas.refusals[:] = [REFUSED]
        assert head.run([{**ROW, "instance": f"i-{number:017x}"}]).status == 2
    return head.waiting()


def splunkd_of(head: Head) -> Splunkd:
    return Splunkd(head.splunkd.uri, head.splunkd.state.session(ADMIN))


def replayed(head: Head, after_s: float) -> List[Tuple[str, str]]:
    """Replay as if so many seconds had passed; return (outcome, what was said) of each entry."""
    with splunkd_of(head) as splunkd:
        return [(each.outcome, each.says) for each in Replay(splunkd, lambda: time.time() + after_s).run()]


def test_what_was_refused_is_handed_over_later_with_its_own_id(head: Head) -> None:
    (entry,) = refused(head)
    ((outcome, says),) = replayed(head, 1)
    assert outcome == WAITS and "lambda:InvokeFunction" in says and "again in" in says
    ((outcome, says),) = replayed(head, 61)
    assert (outcome, says) == (HANDED_OVER, f"handed over as {entry['id']}, at attempt 2")
    assert [each["id"] for each in head.asked()] == [entry["id"]]
    assert head.waiting() == head.waiting("aws_response_claims") == []
    said = head.log()[-1]
    assert f"handed over as {entry['id']}, at attempt 2" in said and 'action_status="pending"' in said


def test_it_waits_longer_each_time_and_is_given_up_with_an_event(head: Head) -> None:
    refused(head)
    after_s, said = 0.0, []
    for wait_s in (60, 120, 300, 600):
        after_s += wait_s + 1
        head.lambdas.refusals[:] = [REFUSED]
        said += [outcome for outcome, _ in replayed(head, after_s)]
        assert [outcome for outcome, _ in replayed(head, after_s + wait_s)] == [WAITS]
    assert said == [FAILED] * 4
    ((outcome, says),) = replayed(head, EXPIRES_S + 60)
    assert (outcome, says) == (EXPIRED, "given up: it could not be handed over within 72 hours")
    assert says in head.log()[-1] and 'action_status="failure"' in head.log()[-1]
    assert head.waiting() == head.waiting("aws_response_claims") == head.asked() == []


def test_the_same_alert_again_is_one_entry(head: Head) -> None:
    (entry,) = refused(head)
    ran = head.run([{**ROW, "instance": f"i-{0:017x}"}], sid=entry["sid"])
    assert ran.status == 0 and "another process is at it" in head.log()[-1]
    assert [each["id"] for each in head.waiting()] == [entry["id"]] and head.asked() == []


def _replay_together(uri: str, key: str, barrier: Any) -> List[str]:
    splunkd = Splunkd(uri, key)
    replay = Replay(splunkd, lambda: time.time() + 120)
    post = splunkd.post_document

    def post_together(*path: str, document: Any) -> Any:
        if path[-1] == "aws_response_claims":
            try:
                barrier.wait(60)
            except Exception:  # broken: the others have none to insert any more
                pass
        return post(*path, document=document)

    splunkd.post_document = post_together  # type: ignore[method-assign]
    return [each.outcome for each in replay.run()]


def test_ten_search_heads_at_once_hand_each_entry_over_once(head: Head) -> None:
    entries = refused(head, 2)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(10) as pool:
        barrier = manager.Barrier(10)
        key = head.splunkd.state.session(ADMIN)
        outcomes = pool.starmap(_replay_together, [(head.splunkd.uri, key, barrier)] * 10)
    told = [outcome for each in outcomes for outcome in each]
    assert told.count(HANDED_OVER) == 2 and set(told) <= {HANDED_OVER, WAITS}
    assert sorted(each["id"] for each in head.asked()) == sorted(each["id"] for each in entries)
    assert head.waiting() == head.waiting("aws_response_claims") == []


def test_an_entry_that_another_one_finished_meanwhile_is_left(head: Head) -> None:
    (entry,) = refused(head)
    with splunkd_of(head) as splunkd:
        queue = Queue(splunkd, lambda: time.time() + 120)
        replay = Replay(splunkd, lambda: time.time() + 120)
        found = replay._queue.entries()
        queue.done(entry["id"])
        replay._queue.entries = lambda: found  # type: ignore[method-assign]
        assert list(replay.run()) == []
    assert head.asked() == head.waiting("aws_response_claims") == []


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(head: Head, moment: int) -> None:
    """From the first document in the KV store on; before that, splunkd's own line says how the action ended."""
    dice = random.Random(SEED + moment)
    requests = dice.choice(["claims", "queue", "lambda", "lambda answered", "remove"])
    process, _, payload = head.actions.start("aws_respond", [ROW], search="x")
    seen = len(head.splunkd.requests)
    assert process.stdin
    if requests == "lambda":
        head.lambdas.before = lambda received: process.kill()
    elif requests == "lambda answered":
        head.lambdas.functions[START] = lambda body: (process.kill(), answer_every_row(body))[1]
    process.stdin.write(json.dumps(payload).encode())
    process.stdin.close()
    wanted = {
        "claims": ("POST", "aws_response_claims"), "queue": ("POST", "aws_response_queue"),
        "remove": ("DELETE", "aws_response_queue"),
    }.get(requests)  # fmt: skip
    while wanted and process.poll() is None:
        if any(method == wanted[0] and wanted[1] in path for method, path in head.splunkd.requests[seen:]):
            time.sleep(dice.random() * 0.01)
            process.kill()
            break
        time.sleep(0.0005)
    process.wait(120)
    head.lambdas.before = None
    kept = [each["id"] for each in head.waiting()]
    before = head.asked()
    replayed(head, CLAIM_S + 1)
    ids = [each["id"] for each in head.asked()]
    assert kept or before or requests == "claims", requests
    assert len(set(ids)) == (1 if kept or before else 0), "one request, whose id start knows"
    assert head.waiting() == []
    replayed(head, EXPIRES_S * 2)
    assert head.waiting("aws_response_claims") == []


def command(head: Head, line: str, user: User = ADMIN) -> Tuple[List[Dict[str, Any]], List[Tuple[str, str]], int]:
    parsed = parse_command_line(line)
    key = head.splunkd.state.session(user)
    job = Job(parsed.args, parsed.raw_args, head.splunkd.uri, key, user=user.name, command=parsed.command)
    script = BIN / "aws_response_queue.py"
    with CommandProcess(job, script, python=head.python, home=head.splunkd.splunk_home) as running:
        replies = list(running.run())
        status = running.wait()
        assert running.stderr() == ""
        rows = [row for reply in replies for row in reply.rows()]
        return rows, [message for reply in replies for message in reply.messages], status


def test_the_command_lists_replays_and_drops(head: Head) -> None:
    first, second = refused(head, 2)
    rows, messages, status = command(head, "| awsresponsequeue")
    assert (status, messages, [row["id"] for row in rows]) == (0, [], [first["id"], second["id"]])
    assert {name: rows[0][name] for name in ("action", "outcome", "attempts", "rows", "sid", "user")} == {
        "action": "aws_respond", "outcome": "waits", "attempts": "1", "rows": "1", "sid": first["sid"],
        "user": "splunk-system-user",
    }  # fmt: skip
    (dropped,), _, _ = command(head, f"| awsresponsequeue do=drop id={first['id']}")
    assert dropped["outcome"] == "dropped"
    for claim in head.waiting("aws_response_claims"):
        head.splunkd.state.collections.save("aws_response_claims", {**claim, "until": 0}, "nobody")
    (done,), _, _ = command(head, "| awsresponsequeue do=replay")
    assert (done["id"], done["outcome"]) == (second["id"], "handed_over")
    assert [each["id"] for each in head.asked()] == [second["id"]]
    assert command(head, "| awsresponsequeue do=replay")[0] == []


@pytest.mark.parametrize(
    ("line", "user", "says"),
    [
        ("| awsresponsequeue do=rerun", ADMIN, "do=rerun is unknown: use list or replay or drop"),
        ("| awsresponsequeue do=drop", ADMIN, "do=drop needs the id of an entry"),
        ("| awsresponsequeue do=drop id=x", ADMIN, "there is none of 'x'"),
        ("| awsresponsequeue", User("kim", ("user",)), "does the search belong to an administrator"),
    ],
)
def test_a_command_that_cannot_be_meant_fails_with_one_message(head: Head, line: str, user: User, says: str) -> None:
    rows, messages, status = command(head, line, user)
    assert (rows, status) == ([], 1)
    assert [says in text for level, text in messages if level == "ERROR"] == [True]
