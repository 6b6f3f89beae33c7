"""The options that say which period of a bucket is meant, the same for every command that reads one."""

from __future__ import annotations

import argparse
from typing import Any, Optional

from collectors.loading.listing import EARLY_MS, HOUR_MS, LATE_HOURS, Listing, Period, delivered
from es_bridge.cli.reporting import UsageError
from es_bridge.times import format_utc, now_ms, parse_time, zone_named

#: A hundred years: beyond, times would leave the calendar.
LONGEST_LATE_HOURS = 876_000

TIME_FORMS = "ISO 8601 such as 2026-11-21 or 2026-11-21T04:00Z, or relative such as -7d@d"


def add_period_arguments(group: Any) -> None:
    """Add ``--since``, ``--until``, ``--time-zone`` and ``--late`` to a parser or a group of one."""
    group.add_argument("--since", metavar="TIME", default="0", help=f"first event, {TIME_FORMS} (default: all)")
    group.add_argument("--until", metavar="TIME", default="0", help="end, exclusive (default: all)")
    group.add_argument("--time-zone", metavar="NAME", default="UTC", help="of times without an offset (default: UTC)")
    group.add_argument(
        "--late",
        type=float,
        metavar="HOURS",
        default=LATE_HOURS,
        help=f"how much later than the events objects are looked for (default: {LATE_HOURS:g})",
    )


def period_from(arguments: argparse.Namespace) -> Period:
    """Return the period of the events. Raises `TimeError`, and `CollectorError` for one that is empty."""
    now = now_ms()
    period = Period(*(instant_ms(text, arguments.time_zone, now) for text in (arguments.since, arguments.until)))
    if None not in period and period.since_ms >= period.until_ms:  # type: ignore[operator]
        raise UsageError(f"--since {arguments.since} is not before --until {arguments.until}")
    if not 0 <= arguments.late <= LONGEST_LATE_HOURS:  # false for "nan" as well
        raise UsageError(
            f"--late {arguments.late:g}: give 0 to {LONGEST_LATE_HOURS} hours; objects are delivered after their events"
        )
    return period


def days(text: str) -> int:
    """Return the days an option gives, 0 or more; for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days: give 0 or more")
    return number


def instant_ms(text: str, timezone: str = "UTC", now: Optional[int] = None) -> Optional[int]:
    """Return a user's time in epoch milliseconds, None for ``0``, which is no bound. Raises `TimeError`."""
    return parse_time(text, now_ms=now_ms() if now is None else now, zone=zone_named(timezone))


def period_is_given(arguments: argparse.Namespace) -> bool:
    """Whether the user said anything about a period."""
    return (arguments.since, arguments.until, arguments.late) != ("0", "0", LATE_HOURS)


def listing_of(client: Any, bucket: str, prefix: str, period: Period, late_hours: float, dataset: str = "") -> Listing:
    """Return the objects that may hold events of the period, of every log or of one."""
    return Listing(client, bucket, prefix, delivered(period, late_hours), dataset)


def in_words(period: Period, late_hours: float) -> str:
    """Return which objects are read for the period, for the user to know before it starts."""
    since, until = period
    if since is None and until is None:
        return "objects of every day"
    first = "the beginning" if since is None else format_utc(since)
    last = "now" if until is None else format_utc(until)
    early_h = EARLY_MS // HOUR_MS
    return (
        f"events from {first} to {last}: objects delivered from {early_h} hour before it to {late_hours:g} hours after "
        "it are read, whole, so some events around the period come too"
    )
