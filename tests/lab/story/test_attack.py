"""The attack's timeline: in order, in every log, and the same facts everywhere."""

from __future__ import annotations

import pytest

from lab.story import cast
from lab.story.attack import FINDINGS, LOGS, SPAN_MINUTES, TIMELINE, calls, moment_ms

END_MS = 1_795_236_780_000
DAY_MS = 86_400_000


def test_every_log_has_a_part_and_only_cloudtrail_has_calls():
    assert {step.log for step in TIMELINE} == {*LOGS, *FINDINGS}
    for step in TIMELINE:
        assert bool(step.calls) == (step.log == "cloudtrail"), step.name
        assert bool(step.facts) == (step.log != "cloudtrail"), step.name
    assert len({step.name for step in TIMELINE}) == len(TIMELINE)


def test_cause_comes_before_effect():
    begin = {step.name: step.minute for step in TIMELINE}
    order = [
        "probe",
        "exploit",
        "callback-lookup",
        "callback-ldap",
        "reverse-shell",
        "credentials-used-outside",
        "discovery",
        "customer-data-read",
        "backups-refused",
        "door-opened",
        "privilege-attempts",
        "traces-covered",
    ]
    assert [begin[name] for name in order] == sorted((begin[name] for name in order), reverse=True)
    assert begin["exfiltration-finding"] < begin["credentials-used-outside"]


def test_steps_stay_inside_the_span():
    for step in TIMELINE:
        assert 0 < step.minute - step.lasts <= step.minute < SPAN_MINUTES, step.name


@pytest.mark.parametrize("span_ms", [1_000, 600_000, 4 * 3_600_000, DAY_MS, 30 * DAY_MS])
def test_calls_are_inside_any_window(span_ms):
    times = [timed.time_ms for timed in calls(END_MS - span_ms, END_MS)]
    assert all(END_MS - span_ms <= time < END_MS for time in times)
    assert len(times) == sum(len(step.calls) for step in TIMELINE)


def test_a_long_window_has_the_attack_in_its_last_four_hours():
    assert moment_ms(60, END_MS - 30 * DAY_MS, END_MS) == END_MS - 3_600_000
    assert moment_ms(60, END_MS - 3_600_000, END_MS) == END_MS - 900_000


def test_the_addresses_are_documentation_and_private_ones():
    import ipaddress

    documentation = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    outside = [cast.ATTACKER_SCANNER_IP, cast.ATTACKER_CLOUD_IP, cast.CALLBACK_IP, cast.NAT_IP]
    for address in outside + [instance.public_ip for instance in cast.INSTANCES]:
        assert any(ipaddress.ip_address(address) in net for net in documentation)
    for instance in cast.INSTANCES:
        assert ipaddress.ip_address(instance.private_ip) in ipaddress.ip_network("10.20.0.0/16")
    for person in cast.PEOPLE:
        address = ipaddress.ip_address(person.address)
        assert address.version == 6 or any(address in net for net in documentation)


@pytest.mark.parametrize(("prefix", "length"), [("AKIA", 20), ("ASIA", 20), ("AIDA", 21), ("AROA", 21)])
def test_ids_have_aws_form_and_say_that_they_are_examples(prefix, length):
    for name in ("x", "a-very-long-name-of-a-role-0123456789"):
        made = cast.aws_id(prefix, name)
        assert len(made) == length
        assert made.startswith(prefix)
        assert made.endswith("EXAMPLE")
        assert made.isupper()
        assert made.isalnum()
