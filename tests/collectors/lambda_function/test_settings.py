"""The environment variables of the functions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aws_bridge.functions.variables import PREFIX, SettingsProblem
from collectors.lambda_function import settings as settings_module
from collectors.lambda_function.settings import Settings, read_settings


def test_everything_that_can_be_set():
    given = {
        "URL": "https://a:9200, https://b:9200",
        "SIGV4_REGION": "eu-west-1",
        "SERVICE": "aoss",
        "CA_FILE": "/opt/ca.pem",
        "QUEUE_URL": "https://sqs/q",
        "DEAD_LETTERS": "s3://b/p",
        "DEAD_LETTERS_KMS_KEY": "key",
        "RETENTION_DAYS": "365",
        "MMDB": "s3://b/country.mmdb,/opt/asn.mmdb",
        "DEADLINE_MARGIN_S": "12.5",
        "EVENT_SOURCE_MAPPING": "uuid",
        "LOADER": "loader",
        "EXPECT_BUCKETS": "arn:aws:s3:::logs-a, logs-b,s3://logs.c/",
    }
    assert read_settings({PREFIX + name: value for name, value in given.items()}) == Settings(
        urls=("https://a:9200", "https://b:9200"),
        sigv4_region="eu-west-1",
        service="aoss",
        ca_file="/opt/ca.pem",
        queue_url="https://sqs/q",
        dead_letters="s3://b/p",
        dead_letters_kms_key="key",
        retention_days=365,
        mmdb=("s3://b/country.mmdb", "/opt/asn.mmdb"),
        deadline_margin_s=12.5,
        event_source_mapping="uuid",
        loader="loader",
        expected_buckets=frozenset(("logs-a", "logs-b", "logs.c")),
    )


def test_an_empty_variable_is_one_that_is_not_there():
    found = read_settings({f"{PREFIX}URL": "https://a", f"{PREFIX}SERVICE": "", f"{PREFIX}RETENTION_DAYS": ""})
    assert found == Settings(urls=("https://a",))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "lacks AWS_SIEM_BRIDGE_URL, AWS_SIEM_BRIDGE_QUEUE_URL"),
        ({"URL": "", "QUEUE_URL": "q"}, "lacks AWS_SIEM_BRIDGE_URL"),
        ({"URL": "u", "QUEUE_URL": "q", "RETENTION_DAYS": "a year"}, "RETENTION_DAYS is 'a year'"),
        ({"URL": "u", "QUEUE_URL": "q", "DEADLINE_MARGIN_S": "-1"}, "DEADLINE_MARGIN_S is '-1'"),
        ({"URL": "u", "QUEUE_URL": "q", "RETENTION_DAYS": "nan"}, "RETENTION_DAYS is 'nan'"),
        ({"URL": "u", "QUEUE_URL": "q", "SIGV4_REGION": "r", "SECRET_ARN": "s"}, "exclude each other"),
        (
            {"URL": "u", "QUEUE_URL": "q", "EXPECT_BUCKETS": "logs/AWSLogs"},
            "EXPECT_BUCKETS: 'logs/AWSLogs' is no bucket",
        ),
    ],
)
def test_what_cannot_be_is_named(given, says):
    with pytest.raises(SettingsProblem, match=says):
        read_settings({PREFIX + name: value for name, value in given.items()}, required=("URL", "QUEUE_URL"))


def test_the_table_of_variables_names_those_that_are_read():
    text = Path(settings_module.__file__).read_text(encoding="utf-8")
    documented = set(re.findall(r"^``AWS_SIEM_BRIDGE_(\w+)``", text, re.MULTILINE))
    read = set(re.findall(r'given\.\w+\(\s*"(\w+)"', text))
    assert documented == read
