"""What is handed over of a row: columns of our detections, of findings, of anybody; what names nothing is told why."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from es_bridge.errors import ConfigError
from lab.splunkd.alert_actions import write_results
from tests.splunk_app.conftest import BIN  # noqa: F401  # puts it on the path

from alert_actions import payload as payloads  # isort: skip
from alert_actions.actions import ACTIONS  # isort: skip
from alert_actions.requests import MOST_BYTES, MOST_ROWS, requests_of  # isort: skip
from alert_actions.rows import BadRow, targets  # isort: skip

ID, ACCOUNT, REGION = "i-0123456789abcdef0", "111122223333", "eu-west-1"
ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{ID}"
USER = f"arn:aws:iam::{ACCOUNT}:user/eve"
WHOLE = {"instance": ID, "account": ACCOUNT, "region": REGION}


@pytest.mark.parametrize(
    ("action", "row", "found"),
    [
        ("aws_respond", WHOLE, WHOLE),
        ("aws_respond", {"dest": ID, "vendor_account": ACCOUNT, "vendor_region": REGION}, WHOLE),
        ("aws_respond", {"detail.resource.instanceDetails.instanceId": ID, "dest": "198.51.100.7"}, {"instance": ID}),
        ("aws_respond", {"Resources{}.Id": ["AWS::::Account:111122223333", ARN], "dest": "x"}, {"arn": ARN}),
        ("aws_respond", {"resource": f"arn:aws:s3:::{ACCOUNT}", "instance": ID}, {"instance": ID}),
        ("aws_respond", {"instance": "i-1; reboot", "dest": "web01"}, {"instance": "i-1; reboot"}),
        ("aws_respond", {**WHOLE, "sample": "true"}, {**WHOLE, "sample": "true"}),
        ("aws_respond", {**WHOLE, "sample": ["false", "1"]}, {**WHOLE, "sample": "true"}),
        ("aws_contain_principal", {"user": USER, "account": ACCOUNT}, {"principal": USER, "account": ACCOUNT}),
        ("aws_revoke_credentials", {"access_key": "AKIAEXAMPLE000000001"}, {"access_key": "AKIAEXAMPLE000000001"}),
        ("aws_revoke_credentials", WHOLE, WHOLE),
        ("aws_block_ip", {"src": "2001:db8::1", "dest": "web01"}, {"address": "2001:db8::1"}),
        ("aws_block_ip", {"src": "web01", "dest": "203.0.113.7"}, {"address": "203.0.113.7"}),
        ("aws_notify", {"instance": [ID, "i-2"], "user": ["a", "b"]}, {"instance": f"{ID}, i-2", "principal": "a, b"}),
        ("aws_notify", {"anything": "else"}, {}),
    ],
)
def test_a_row_names_its_target_by_the_usual_columns(action: str, row: Dict[str, Any], found: Dict[str, str]) -> None:
    assert targets(ACTIONS[action], {}, row, "7") == [{"rid": "7", **found}]


def test_columns_are_chosen_and_several_targets_of_a_row_are_several() -> None:
    row = {"host_id": [ID, "i-0123456789abcdef1"], "owner_account": ACCOUNT, "instance": "i-0ffffffffffffffff"}
    params = {"instance_field": "nothing, host_id", "account_field": "owner_account"}
    assert targets(ACTIONS["aws_respond"], params, row, "0") == [
        {"rid": "0", "instance": each, "account": ACCOUNT} for each in row["host_id"]
    ]


@pytest.mark.parametrize(
    ("action", "row", "says"),
    [
        ("aws_respond", {}, "names no instance and no arn: none of the columns instance, instance_id"),
        ("aws_respond", {"dest": "198.51.100.7"}, "names no instance and no arn"),
        ("aws_block_ip", {"src": "web01"}, "names no address"),
        (
            "aws_respond",
            {"instance": ["i-1", "i-2"], "account": ["1", "2"]},
            "values of instance and of account",
        ),
        ("aws_respond", {"instance": [f"i-{n}" for n in range(101)]}, "101 values of instance, at most 100"),
        ("aws_respond", {"instance": "i-" + "0" * 3000}, "instance has 3002 characters"),
    ],
)
def test_a_row_that_cannot_be_meant_is_told_why(action: str, row: Dict[str, Any], says: str) -> None:
    with pytest.raises(BadRow, match=says):
        targets(ACTIONS[action], {}, row, "0")


def payload_of(file: str = "", **more: Any) -> payloads.Payload:
    given = {"sid": "1.2", "server_uri": "https://x", "session_key": "SECRET", "results_file": file, **more}
    return payloads.read(io.BytesIO(json.dumps(given).encode()))


def test_every_row_of_the_file_is_read_with_its_values(tmp_path: Path) -> None:
    rows = [{"a": ["x$;$y", "z"], "b": "1\n2"}, {"a": "$only$", "b": ""}, {"c": '한글,"q"'}]
    file = tmp_path / "results.csv.gz"
    write_results(file, rows)
    found = list(payload_of(str(file)).rows())
    assert [{name: value for name, value in row.items() if value} for row in found] == [
        {"a": ["x$;$y", "z"], "b": "1\n2"}, {"a": "$only$"}, {"c": "한글,\"q\""},
    ]  # fmt: skip
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="results file of the search cannot be read"):
        list(payload_of(str(file)).rows())
    assert list(payload_of(result={"a": ["1", "2"], "n": 3}).rows()) == [{"a": ["1", "2"], "n": "3"}]


@pytest.mark.parametrize("text", [b"", b"<alert/>", b"[]", b'{"sid": "x", "session_key": "SECRET"}'])
def test_what_is_no_payload_is_refused_without_showing_it(text: bytes) -> None:
    with pytest.raises(ConfigError, match="splunkd gave no JSON") as caught:
        payloads.read(io.BytesIO(text))
    assert "SECRET" not in str(caught.value) and "SECRET" not in repr(payload_of())


def test_requests_are_small_enough_and_the_same_alert_is_the_same_request() -> None:
    payload, action = payload_of(search_name="한글"), ACTIONS["aws_respond"]
    rows = [{"rid": str(number), "instance": ID, "arn": "x" * 2000} for number in range(1201)]
    found = list(requests_of(action, payload, rows))
    assert [each["rid"] for one in found for each in json.loads(one.body)["rows"]] == [str(n) for n in range(1201)]
    assert all(len(one.body.encode()) <= MOST_BYTES and len(one.rids) <= MOST_ROWS for one in found)
    assert len({one.id for one in found}) == len(found) == 3
    assert list(requests_of(action, payload, rows)) == found
    other = payload_of(search_name="한글", configuration={"mode": "hard"})
    assert not {one.id for one in requests_of(action, other, rows)} & {one.id for one in found}
    assert json.loads(found[0].body) == {
        "id": found[0].id, "action": "respond", "alert": "1.2", "search": "한글", "user": "",
        "options": {
            "cut_flows": "0", "volatile": "1", "evidence_volume": "1", "revoke_credentials": "0", "dry_run": "0",
        },
        "rows": rows[: len(found[0].rids)],
    }  # fmt: skip


def test_the_table_is_sound() -> None:
    assert sys.modules["alert_actions.actions"]
    for action in ACTIONS.values():
        names = [each.name for each in action.params]
        assert len(names) == len(set(names)), action.name
        assert (BIN / f"{action.name}.py").is_file()
        for param in action.params:
            assert not param.choices or param.default in param.choices
