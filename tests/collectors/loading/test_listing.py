"""Which objects of a bucket are read for a period: none too few, and the rest of the bucket is not listed."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Iterator, List

import boto3
import pytest
from moto import mock_aws

from collectors.errors import CollectorError
from collectors.loading.listing import Listing, Period, delivered
from collectors.records.key_time import folder_period, key_period

ACCOUNT = "111122223333"
CLOUDTRAIL = f"AWSLogs/o-abc123/{ACCOUNT}/CloudTrail/eu-west-1"
FLOW = f"central/AWSLogs/{ACCOUNT}/vpcflowlogs/eu-west-1"
HIVE = f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region=eu-west-1"
RESOLVER = f"AWSLogs/{ACCOUNT}/vpcdnsquerylogs/vpc-0a1b2c3d"
WAF = f"AWSLogs/{ACCOUNT}/WAFLogs/cloudfront/shop"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


ALWAYS = Period()
NOVEMBER_21 = Period(at("2026-11-21"), at("2026-11-22"))


def keys_of(day: str, hour: str) -> List[str]:
    """Return the key of one object of each layout, delivered at that hour."""
    year, month, dd = day.split("-")
    stamp = f"{year}{month}{dd}T{hour}05Z"
    return [
        f"{CLOUDTRAIL}/{year}/{month}/{dd}/{ACCOUNT}_CloudTrail_eu-west-1_{stamp}_a1B2c3D4e5F6g7H8.json.gz",
        f"{FLOW}/{year}/{month}/{dd}/{ACCOUNT}_vpcflowlogs_eu-west-1_fl-1234abcd_{stamp}_fe123456.log.gz",
        f"{FLOW}/{year}/{month}/{dd}/{hour}/{ACCOUNT}_vpcflowlogs_eu-west-1_fl-5678abcd_{stamp}_fe123456.log.gz",
        f"{HIVE}/year={year}/month={month}/day={dd}/hour={hour}/{ACCOUNT}_vpcflowlogs_eu-west-1_fl-9_{stamp}_1.parquet",
        f"{RESOLVER}/{year}/{month}/{dd}/vpc-0a1b2c3d_vpcdnsquerylogs_{ACCOUNT}_{stamp}_6fd4.log.gz",
        f"{WAF}/{year}/{month}/{dd}/{hour}/05/{ACCOUNT}_waflogs_cloudfront_shop_{stamp}_6fd4.log.gz",
        f"firehose/{year}/{month}/{dd}/{hour}/aws-waf-logs-shop-1-{day}-{hour}-05-12-1e7e4f4e-8d7a-4b51-9f0c-6d0a6f2d1b11",
    ]


class Recording:
    """S3's client, which notes the prefixes that were listed."""

    def __init__(self, client) -> None:
        self._client = client
        self.listed: List[str] = []

    def get_paginator(self, name):
        paginator = self._client.get_paginator(name)
        listed = self.listed

        class Noting:
            @staticmethod
            def paginate(**arguments):
                listed.append(arguments["Prefix"])
                return paginator.paginate(**arguments)

        return Noting()


@pytest.fixture
def s3(monkeypatch) -> Iterator[Recording]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="log-archive")
        yield Recording(client)


def put(s3: Recording, *keys: str) -> None:
    for key in keys:
        s3._client.put_object(Bucket="log-archive", Key=key, Body=b"" if key.endswith("/") else b"x")


def found(s3: Recording, prefix: str = "", period: Period = ALWAYS) -> List[str]:
    return [each.ref.key for each in Listing(s3, "log-archive", prefix, period)]


def test_every_layout_gives_the_days_of_the_period_and_no_other_folder_is_listed(s3):
    for day in ("2025-11-21", "2026-10-21", "2026-11-20", "2026-11-21", "2026-11-22"):
        put(s3, *keys_of(day, "04"))
    assert sorted(found(s3, period=NOVEMBER_21)) == sorted(keys_of("2026-11-21", "04"))
    of_aws = [folder_period(prefix) for prefix in s3.listed if "AWSLogs/" in prefix]
    days = {span for span in of_aws if span and span[1] - span[0] == 86_400_000}
    assert days == {(NOVEMBER_21.since_ms, NOVEMBER_21.until_ms)}
    # Outside of AWS's own layouts every folder is looked into: a date there may be that of a backup.
    assert not [prefix for prefix in s3.listed if "2025" in prefix and "AWSLogs" in prefix]


def test_the_hours_of_the_period_are_told_by_the_names(s3):
    put(s3, *keys_of("2026-11-21", "03"), *keys_of("2026-11-21", "04"), *keys_of("2026-11-21", "05"))
    period = Period(at("2026-11-21T04:00"), at("2026-11-21T05:00"))
    assert sorted(found(s3, period=period)) == sorted(keys_of("2026-11-21", "04"))


def test_without_a_period_everything_is_found_once(s3):
    keys = [key for day in ("2025-01-01", "2026-11-21") for key in keys_of(day, "04")]
    put(s3, *keys, "loose.json.gz", "some/folder/loose.log")
    assert sorted(found(s3)) == sorted([*keys, "loose.json.gz", "some/folder/loose.log"])


@pytest.mark.parametrize("cut", [0, 5, len(CLOUDTRAIL), len(CLOUDTRAIL) + 7, len(CLOUDTRAIL) + 10, 10_000])
def test_a_prefix_may_end_anywhere_in_the_key(s3, cut):
    key, *others = keys_of("2026-11-21", "04")
    put(s3, key, *others)
    assert key in found(s3, key[:cut], NOVEMBER_21)
    assert found(s3, key[:cut], Period(at("2027-01-01"), at("2027-01-02"))) == []


def test_digests_and_other_services_are_passed_over_and_counted(s3):
    put(
        s3,
        f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2026/11/21/x_CloudTrail-Digest_y_20261121T000000Z.json.gz",
        f"AWSLogs/{ACCOUNT}/Config/eu-west-1/2026/11/21/ConfigHistory/x.json.gz",
        f"AWSLogs/{ACCOUNT}/CloudTrail-Insight/eu-west-1/2026/11/21/x_CloudTrail-Insight_eu-west-1_20261121T0000Z_a.json.gz",
        "AWSLogs/folder-made-by-hand/",
        "load/waf/3q2-7wAAAAAAAAAA/00000000001-5feceb66ffc8.jsonl.gz",
    )
    listing = Listing(s3, "log-archive", "", Period())
    assert [each.ref.key.split("/")[2] for each in listing] == ["CloudTrail-Insight"]
    assert listing.passed_over == {"CloudTrail-Digest": 1, "Config": 1, "dead letters": 1, "folder placeholders": 1}
    assert not listing.and_more


def test_objects_whose_keys_have_no_date_are_told_by_the_time_s3_has_for_them(s3):
    put(s3, "flat/one.log.gz")
    now = int(datetime.now(timezone.utc).timestamp() * 1000)
    assert found(s3, period=Period(now - 3_600_000, now + 3_600_000)) == ["flat/one.log.gz"]
    assert found(s3, period=Period(now + 3_600_000)) == []
    assert found(s3, period=Period(None, now - 3_600_000)) == []


def test_a_thousand_folders_without_dates_are_listed_as_one(s3, monkeypatch):
    monkeypatch.setattr("collectors.loading.listing.MAX_FOLDERS", 5)
    keys = [f"{letter}/{number}.log.gz" for letter in "abcdefghij" for number in range(3)] + ["0.log.gz", "zz.log.gz"]
    put(s3, *keys)
    assert sorted(found(s3)) == sorted(keys)
    assert len(s3.listed) == 2


def test_a_bucket_that_is_not_there_is_said(s3):
    with pytest.raises(CollectorError, match=r"s3://nowhere/x cannot be listed.*NoSuchBucket.*s3:ListBucket"):
        list(Listing(s3, "nowhere", "x", Period()))


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (keys_of("2026-11-21", "04")[0], "2026-11-21T04:05"),
        (keys_of("2026-11-21", "04")[-1], "2026-11-21T04:05"),
        (f"{FLOW}/2026/11/21/odd-name.log.gz", "2026-11-21"),
        (f"{HIVE}/year=2026/month=11/day=21/odd.parquet", "2026-11-21"),
        ("2026/11/21/04/anything", "2026-11-21"),
        (f"{FLOW}/2026/11/odd-name.log.gz", None),
        (f"{FLOW}/2026/02/31/odd-name.log.gz", None),
        (f"x_20261399T9999Z_/{ACCOUNT}.gz", None),
    ],
)
def test_the_time_in_a_key(key, says):
    span = key_period(key)
    assert (span and span[0]) == (says and at(says))


def test_a_year_in_front_of_the_logs_own_folders_is_not_taken_for_theirs(s3):
    key = "archive/2023/" + keys_of("2026-11-21", "04")[0]
    put(s3, key)
    assert found(s3, period=NOVEMBER_21) == [key]


STAMP = "20261121T0405Z"
FIREHOSE = "aws-waf-logs-shop-1-2026-11-21-04-05-12-1e7e4f4e-8d7a-4b51-9f0c-6d0a6f2d1b11"
#: Layouts nobody foresaw, each with an object of 21 November.
UNFORESEEN = [
    f"AWSLogs/{ACCOUNT}/WAF/eu-west-1/2026/11/21/04/{FIREHOSE}",
    f"AWSLogs/{ACCOUNT}/WAF/2026/11/21/04/{FIREHOSE}.gz",
    f"AWSLogs/{ACCOUNT}/WAF/2019/{FIREHOSE}",
    f"2026/11/21/04/{FIREHOSE}",
    f"prefix/2026/11/21/{FIREHOSE}",
    f"year=2026/month=11/day=21/hour=04/{FIREHOSE}",
    f"waf/2026-11-21/{FIREHOSE}",
    f"waf/dt=2026-11-21/hour=04/{FIREHOSE}",
    # Filed under another day than that of the delivery: a backup, a case, an error of Firehose's prefix.
    f"backup/2026/12/24/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/11/21/{ACCOUNT}_CloudTrail_eu-west-1_{STAMP}_a.json.gz",
    f"2019/01/01/{ACCOUNT}_CloudTrail_eu-west-1_{STAMP}_b.json.gz",
    f"year=2019/month=01/day=01/hour=23/{FIREHOSE}",
    f"AWSLogs/{ACCOUNT}/elsewhere/2019/01/01/AWSLogs/{ACCOUNT}/vpcflowlogs/eu-west-1/2026/11/21/{ACCOUNT}_vpcflowlogs_x_{STAMP}_1.gz",
    # Names that look like dates.
    f"AWSLogs/{ACCOUNT}/WAFLogs/eu-west-1/2019/2026/11/21/04/05/{ACCOUNT}_waflogs_eu-west-1_2019_{STAMP}_6fd4.log.gz",
    f"2019/12/31/AWSLogs/o-abc123/{ACCOUNT}/CloudTrail-Tomorrow/cn-north-1/2026/11/21/{ACCOUNT}_x_{STAMP}_c.json.gz",
    f"AWSLogs/{ACCOUNT}/CloudTrail-NetworkActivity/us-gov-west-1/2026/11/21/{ACCOUNT}_x_{STAMP}_c.json.gz",
    f"AWSLogs/{ACCOUNT}/CloudTrail/2026/11/21/{ACCOUNT}_CloudTrail_eu-west-1_{STAMP}_odd+key%20=&\u0085.json.gz",
    # The folder's date alone, in AWS's layout.
    f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/11/21/odd name.json.gz",
]


def other_day(key: str) -> str:
    for before, after in (("2026/11/21", "2026/10/20"), ("2026-11-21", "2026-10-20"), ("20261121", "20261020")):
        key = key.replace(before, after)
    return key.replace("month=11/day=21", "month=10/day=20")


def test_no_object_of_the_period_is_missed_in_a_layout_nobody_foresaw(s3):
    put(s3, *UNFORESEEN, *map(other_day, UNFORESEEN))
    assert sorted(found(s3, period=NOVEMBER_21)) == sorted(UNFORESEEN)
    assert sorted(found(s3)) == sorted({*UNFORESEEN, *map(other_day, UNFORESEEN)})


@pytest.mark.parametrize("key", UNFORESEEN)
def test_each_layout_nobody_foresaw_is_found_from_a_prefix_of_it(s3, key):
    put(s3, key, other_day(key))
    slashes = [at for at, char in enumerate(key) if char == "/"]
    for cut in (slashes[len(slashes) // 2], slashes[-1], len(key) // 2):
        for prefix in (key[:cut], key[: cut + 1]):
            assert key in found(s3, prefix, NOVEMBER_21), prefix
            assert other_day(key) not in found(s3, prefix, NOVEMBER_21), prefix


def test_the_hours_of_a_day_outside_of_awslogs_are_one_listing(s3):
    put(s3, *(f"firehose/2026/11/21/{hour:02d}/{FIREHOSE}{hour}" for hour in range(24)), "firehose/2026/11/21/loose.gz")
    assert len(found(s3, "firehose/")) == 25
    assert len(s3.listed) == 5  # the tree, the year, the month, the day, and all below the day


def test_a_large_folder_of_another_service_is_not_listed_to_its_end(s3, monkeypatch):
    put(
        s3,
        *(f"AWSLogs/{ACCOUNT}/Config/eu-west-1/{number:04d}" for number in range(1_001)),
        keys_of("2026-11-21", "04")[0],
    )
    listing = Listing(s3, "log-archive", "", Period())
    assert len(list(listing)) == 1
    assert (listing.passed_over, listing.and_more) == ({"Config": 1_000}, {"Config"})


def test_with_a_dataset_the_folders_of_other_logs_are_not_entered(s3):
    keys = keys_of("2026-11-21", "04")
    put(s3, *keys, f"AWSLogs/{ACCOUNT}/WAF/eu-west-1/2026/11/21/04/{FIREHOSE}", "some/object")
    listing = Listing(s3, "log-archive", "", NOVEMBER_21, "waf")
    waf = [key for key in keys if "waf" in key.lower()]
    assert sorted(each.ref.key for each in listing) == sorted(
        [*waf, f"AWSLogs/{ACCOUNT}/WAF/eu-west-1/2026/11/21/04/{FIREHOSE}"]
    )
    assert listing.passed_over == {
        "CloudTrail, not asked for": 1,
        "VPC Flow Logs, not asked for": 3,
        "Route 53 Resolver query logs, not asked for": 1,
    }
    assert not [prefix for prefix in s3.listed if prefix.startswith(f"{CLOUDTRAIL}/")]


def test_the_margin_reaches_before_and_behind_the_period():
    hour = 3_600_000
    assert delivered(Period(10 * hour, 20 * hour), 2.5) == Period(9 * hour, 22 * hour + hour // 2)
    assert delivered(Period(None, None)) == Period(None, None)
