"""Events into the HTTP Event Collector: none is lost or forgotten, whatever becomes of the collector."""

from __future__ import annotations

import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
import trustme

from lab.splunkd.hec import HecReceiver, Token
from splunk_bridge.hec import Hec, HecError
from splunk_bridge.hec_delivery import HecDelivery

pytestmark = pytest.mark.splunk_python

TOKEN = Token("0f9a7c5e-1111-4222-8333-444455556666")
SECRET = TOKEN.value


def event(number: int, **more: Any) -> bytes:
    return json.dumps({"time": "1796032805.678", "event": f"n{number}", **more}).encode()


def numbers(receiver: HecReceiver) -> List[int]:
    return sorted(int(row["_raw"][1:]) for row in receiver.events)


@pytest.fixture
def receiver() -> Iterator[HecReceiver]:
    with HecReceiver(Token(SECRET), index_after_s=0.05) as running:
        yield running


@pytest.fixture
def deliver(receiver: HecReceiver) -> Iterator[Callable[..., HecDelivery]]:
    """Return a function that makes a delivery to the receiver, whose waits are short."""
    made: List[HecDelivery] = []

    def make(**more: Any) -> HecDelivery:
        hec = Hec(receiver.url, lambda: SECRET, timeout_s=60)
        made.append(HecDelivery(hec, wait_s=lambda attempt: 0.02, **{"resend_after_s": 30.0, **more}))
        return made[-1]

    yield make
    for each in made:
        each.close()


def settled(delivery: HecDelivery, within_s: float = 60) -> None:
    """Ask until all is acknowledged."""
    end_s = time.monotonic() + within_s
    while delivery.in_flight:
        assert time.monotonic() < end_s, (delivery.in_flight, delivery.problem)
        try:
            delivery.look()
        except HecError:
            pass
        time.sleep(0.02)


def test_what_is_acknowledged_is_indexed_once(receiver: HecReceiver, deliver):
    delivery = deliver()
    for start in range(0, 50, 10):
        delivery.post([event(number) for number in range(start, start + 10)])
    assert delivery.in_flight == 50 and delivery.taken_until(time.time()) < time.time()
    settled(delivery)
    assert numbers(receiver) == list(range(50)) and delivery.figures.resent == 0
    now = time.time()
    assert delivery.taken_until(now) == now and receiver.events[0]["_time"] == 1796032805.678


def test_what_was_not_indexed_when_the_collector_was_killed_is_sent_again(receiver: HecReceiver, deliver):
    delivery = deliver()
    delivery.post([event(0)])
    settled(delivery)
    receiver.pause()
    for number in range(1, 6):
        delivery.post([event(number)])
    receiver.kill()
    assert [row["_raw"] for row in receiver.lost] == [f"n{number}" for number in range(1, 6)]
    waiting = threading.Thread(target=delivery.post, args=([event(6)],))
    waiting.start()  # it waits while nobody listens
    time.sleep(0.3)
    receiver.go_on()
    receiver.start()
    waiting.join(60)
    # The new numbers began at 0 again: those of before are no acknowledgements.
    settled(delivery)
    assert numbers(receiver) == list(range(7)) and delivery.figures.resent == 5


def test_what_is_not_acknowledged_in_time_is_sent_again_and_said(receiver: HecReceiver, deliver):
    now_s = [0]
    delivery = deliver(resend_after_s=1, monotonic=lambda: now_s[0])
    receiver.pause()
    delivery.post([event(1)])
    for _ in range(20):
        now_s[0] += 1
        delivery.look()
    assert "does not acknowledge them" in str(delivery.problem) and delivery.problem.passes
    assert receiver.requests == 5  # after 1, 3, 7 and 15, and not at each look
    receiver.go_on()
    settled(delivery)
    assert set(numbers(receiver)) == {1} and delivery.problem is None


@pytest.mark.parametrize("code", [8, 9])
def test_a_collector_that_is_busy_is_tried_again(receiver: HecReceiver, deliver, code: int):
    told: List[str] = []
    delivery = deliver(on_wait=lambda problem: told.append(problem.kind))
    receiver.next_codes = [code] * 3
    delivery.post([event(1)])
    settled(delivery)
    assert numbers(receiver) == [1] and told == ["unavailable"] * 3 and delivery.problem is None


def test_who_waits_can_be_stopped_and_knows_that_it_did_not_go(receiver: HecReceiver, deliver):
    class Stopped(Exception):
        pass

    def sleep(seconds: float) -> None:
        raise Stopped

    delivery = deliver(sleep=sleep)
    receiver.next_codes = [9]
    with pytest.raises(Stopped):
        delivery.post([event(1)])
    assert delivery.in_flight == 0


def test_no_more_is_in_flight_than_fits(receiver: HecReceiver, deliver):
    delivery = deliver(most_bytes=100)
    receiver.pause()
    delivery.post([event(1, fill="x" * 90)])
    waiting = threading.Thread(target=delivery.post, args=([event(2)],))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive() and delivery.in_flight == 1
    receiver.go_on()
    settled(delivery)
    waiting.join(60)
    settled(delivery)
    assert numbers(receiver) == [1, 2]


def test_what_the_collector_finds_wrong_is_said_and_stops_nothing(receiver: HecReceiver, deliver):
    delivery = deliver()
    delivery.post([event(1), b'{"event":""}', event(2), b"{", event(3)])
    receiver.most_bytes = 300
    delivery.post([event(number) for number in range(4, 40)])
    delivery.post([event(40, fill="y" * 3000 + "".join(map(str, range(2000))))])
    settled(delivery)
    assert numbers(receiver) == list(range(1, 40))
    broken, blank, large = delivery.figures.rejected
    assert "Event field cannot be blank" in blank and "Invalid data format" in broken and "max_content_length" in large


def test_something_on_the_way_that_does_not_unpack(receiver: HecReceiver, deliver):
    receiver.knows_gzip = False
    delivery = deliver()
    for number in range(2):
        delivery.post([event(number, fill="x" * 2000)])
    settled(delivery)
    assert numbers(receiver) == [0, 1]
    assert receiver.requests == 3  # the second is not tried packed


@pytest.mark.parametrize(
    ("token", "kind", "says"),
    [
        (Token(SECRET, disabled=True), "denied", "Token disabled. Is the token that of this collector, and enabled?"),
        (Token("other"), "denied", "Invalid token"),
        (Token(SECRET, use_ack=False), "settings", "no indexer acknowledgement. Switch it on (useACK = 1"),
        (Token(SECRET, indexes=("aws",)), "settings", "Incorrect index. Allow the input's index in the token's"),
    ],
)
def test_what_an_administrator_has_to_change_is_said(receiver: HecReceiver, token: Token, kind: str, says: str):
    receiver.tokens = [token]
    with pytest.raises(HecError) as failed:
        Hec(receiver.url, lambda: SECRET).send(event(1))
    assert says in str(failed.value) and failed.value.kind == kind and not failed.value.passes
    assert SECRET not in repr(failed.value) and not receiver.events


def test_a_token_that_was_renewed_is_read_again(receiver: HecReceiver, deliver):
    known = ["old"]
    hec = Hec(receiver.url, lambda: known[0])
    receiver.tokens = [Token("old")]
    hec.send(event(1))
    receiver.tokens, known[0] = [Token("new")], "new"
    assert hec.send(event(2)) == 1


def test_only_a_certificate_of_a_known_authority_is_trusted(tmp_path: Path):
    ours, others = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("127.0.0.1").configure_cert(context)
    for name, authority in (("ours.pem", ours), ("others.pem", others)):
        authority.cert_pem.write_to_path(str(tmp_path / name))
    with HecReceiver(Token(SECRET), tls=context) as receiver:
        Hec(receiver.url, lambda: SECRET, ca_file=str(tmp_path / "ours.pem")).check()
        for ca_file in (str(tmp_path / "others.pem"), None):
            with pytest.raises(HecError, match="not signed by an authority"):
                Hec(receiver.url, lambda: SECRET, ca_file=ca_file).check()


@pytest.mark.parametrize("url", ["splunk:8088", "ftp://splunk:8088", "https://", "https://a:1 https://b:1"])
def test_what_is_no_address(url: str):
    with pytest.raises(ValueError, match="no URL of an event collector"):
        Hec(url, lambda: SECRET)
    with pytest.raises(ValueError, match="no user name") as refused:
        Hec("https://u:p@splunk:8088", lambda: SECRET)
    assert "u:p" not in str(refused.value)


def test_many_senders_and_kills_lose_nothing(receiver: HecReceiver, deliver):
    delivery = deliver(resend_after_s=2.0)
    receiver.pause()
    delivery.begin()

    def send(first: int) -> None:
        for number in range(first, first + 60):
            delivery.post([event(number)])

    threads = [threading.Thread(target=send, args=(first,)) for first in range(0, 240, 60)]
    for thread in threads:
        thread.start()
    receiver.wait_for_waiting(20)
    receiver.kill()
    receiver.go_on()
    for _ in range(2):
        receiver.start()
        time.sleep(0.15)
        receiver.kill()
    receiver.start()
    for thread in threads:
        thread.join(60)
    assert delivery.settle(60)
    assert set(numbers(receiver)) == set(range(240)) and receiver.lost
