"""When a message that was not done is seen again."""

from __future__ import annotations

from collectors.delivery.redelivery import FAILED, seen_again_s


def test_a_message_that_failed_is_left_alone_for_longer_each_time():
    found = [seen_again_s(FAILED, count) for count in (-1, 1, 2, 3, 4, 5, 6, 60)]
    assert found == [30, 30, 60, 120, 240, 480, 900, 900]
