"""The security services of the stand-in: whatever a reader of findings depends on, asked as a reader asks it."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Sequence, Set, Tuple

import pytest
from botocore.exceptions import ClientError

from lab.aws import AwsAccount, Fault

HOME, AWAY = "us-east-1", "eu-west-1"
AT = "2026-11-30T10:00:00.000Z"


def refused(call: Callable[..., Any], **given: Any) -> Tuple[str, int]:
    """Return code and status of a refusal."""
    with pytest.raises(ClientError) as error:
        call(**given)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def detector(account: AwsAccount, *regions: str) -> Dict[str, str]:
    return account.enable("guardduty", *(regions or (HOME,)))


def ids_of(client: Any, detector_id: str, **given: Any) -> List[str]:
    """Read all pages, and no token twice."""
    found: List[str] = []
    seen: Set[str] = set()
    token = ""
    while True:
        more = {"NextToken": token} if token else {}
        page = client.list_findings(DetectorId=detector_id, **more, **given)
        found += page["FindingIds"]
        token = page["NextToken"]
        if not token or token in seen:
            return found
        seen.add(token)


@pytest.mark.parametrize(("asked", "sizes"), [({}, [50, 50, 20]), ({"MaxResults": 40}, [40, 40, 40])])
def test_guardduty_gives_ids_in_pages_and_an_empty_token_at_the_end(
    aws_account: AwsAccount, asked: Dict[str, int], sizes: List[int]
) -> None:
    found = detector(aws_account)[HOME]
    made = aws_account.add("guardduty", count=120, at=AT)
    client = aws_account.client("guardduty")
    pages = [client.list_findings(DetectorId=found, **asked)]
    while pages[-1]["NextToken"]:
        pages.append(client.list_findings(DetectorId=found, NextToken=pages[-1]["NextToken"], **asked))
    assert [len(page["FindingIds"]) for page in pages] == sizes
    assert [each for page in pages for each in page["FindingIds"]] == made
    whole = client.get_findings(DetectorId=found, FindingIds=made[:50])["Findings"]
    assert {each["Id"] for each in whole} == set(made[:50])
    assert {each["Service"]["DetectorId"] for each in whole} == {found}


@pytest.mark.parametrize(
    ("criterion", "fits"),
    [
        ({"updatedAt": {"GreaterThanOrEqual": 1796032801000}}, [1, 2]),
        ({"updatedAt": {"Gt": 1796032801000}}, [2]),
        ({"updatedAt": {"Lte": 1796032801000, "Gte": 1796032800000}}, [0, 1]),
        ({"severity": {"GreaterThanOrEqual": 8}}, [2]),
        ({"service.archived": {"Equals": ["false"]}}, [0, 2]),
        ({"service.archived": {"Eq": ["true"]}}, [1]),
        ({"type": {"Matches": ["AttackSequence:*"]}}, [2]),
        ({"type": {"NotEquals": ["AttackSequence:IAM/CompromisedCredentials"]}}, [0, 1]),
        ({"resource.instanceDetails.networkInterfaces.publicIp": {"Equals": ["198.51.100.23"]}}, [0, 1, 2]),
    ],
)
def test_guardduty_chooses(aws_account: AwsAccount, criterion: Dict[str, Any], fits: List[int]) -> None:
    found = detector(aws_account)[HOME]
    made = aws_account.add("guardduty", at=AT, changes={"severity": 2.0})
    made += aws_account.add(
        "guardduty", at="2026-11-30T10:00:01.000Z", changes={"severity": 5, "service.archived": True}
    )
    kind = {"severity": 9.5, "type": "AttackSequence:IAM/CompromisedCredentials"}
    made += aws_account.add("guardduty", at="2026-11-30T10:00:02.000Z", changes=kind)
    chosen = ids_of(aws_account.client("guardduty"), found, FindingCriteria={"Criterion": criterion})
    assert chosen == [made[number] for number in fits]


def test_guardduty_sorts(aws_account: AwsAccount) -> None:
    found = detector(aws_account)[HOME]
    made = [aws_account.add("guardduty", changes={"severity": severity})[0] for severity in (5.0, 8.9, 2.0)]
    order = {"AttributeName": "severity", "OrderBy": "DESC"}
    assert ids_of(aws_account.client("guardduty"), found, SortCriteria=order) == [made[1], made[0], made[2]]


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("get_findings", {"FindingIds": ["a"] * 51}),
        ("list_findings", {"MaxResults": 51}),
        ("list_findings", {"NextToken": "bm90IGEgdG9rZW4="}),
        ("list_findings", {"FindingCriteria": {"Criterion": {"title": {"Equals": ["x"]}}}}),
        ("list_findings", {"FindingCriteria": {"Criterion": {"id": {"Equals": ["x"] * 51}}}}),
        ("list_findings", {"DetectorId": "0" * 32}),
        ("create_detector", {"Enable": True}),
    ],
)
def test_guardduty_refuses_what_is_beyond_its_limits(
    aws_account: AwsAccount, operation: str, given: Dict[str, Any]
) -> None:
    given = given if operation == "create_detector" else {"DetectorId": detector(aws_account)[HOME], **given}
    detector(aws_account)
    assert refused(getattr(aws_account.client("guardduty"), operation), **given) == ("BadRequestException", 400)


def test_a_token_belongs_to_its_request(aws_account: AwsAccount) -> None:
    aws_account.enable("securityhub", HOME)
    aws_account.add("securityhub", count=3, at=AT)
    client = aws_account.client("securityhub")

    def window(end: str) -> Dict[str, Any]:
        return {"UpdatedAt": [{"Start": AT, "End": end}]}

    token = client.get_findings(Filters=window("2026-11-30T11:00:00Z"), MaxResults=2)["NextToken"]
    later = {"Filters": window("2026-11-30T11:00:01Z"), "MaxResults": 2, "NextToken": token}
    assert refused(client.get_findings, **later) == ("InvalidInputException", 400)
    assert len(client.get_findings(Filters=window("2026-11-30T11:00:00Z"), NextToken=token)["Findings"]) == 1


def test_pages_shift_while_they_are_read(aws_account: AwsAccount) -> None:
    """A finding that leaves the window lets its followers slip into the page before: one is not seen this time."""
    found = detector(aws_account)[HOME]
    made = aws_account.add("guardduty", count=100, at=AT)
    late = "2026-11-30T12:00:00.000Z"
    aws_account.meanwhile("ListFindings", 1).update("guardduty", HOME, made[:1], at=late)
    window = {"Criterion": {"updatedAt": {"Gte": 1796032800000, "Lte": 1796032800000}}}
    read = ids_of(aws_account.client("guardduty"), found, FindingCriteria=window)
    assert read == made[:50] + made[51:]
    versions = [(version["id"], version["finding"]["updatedAt"]) for version in aws_account.versions()]
    assert versions == [(each, AT) for each in made] + [(made[0], late)]


@pytest.mark.parametrize("length", [1, 2])
def test_tokens_come_again(aws_account: AwsAccount, length: int) -> None:
    found = detector(aws_account)[HOME]
    aws_account.add("guardduty", count=200)
    aws_account.repeat_token("ListFindings", length=length, times=2)
    client = aws_account.client("guardduty")
    tokens = [client.list_findings(DetectorId=found)["NextToken"]]
    while tokens[-1]:
        tokens.append(client.list_findings(DetectorId=found, NextToken=tokens[-1])["NextToken"])
    first, second = tokens[0], next(token for token in tokens if token != tokens[0])
    again = [first, first, first, second] if length == 1 else [first, second, first, second, first]
    assert tokens[: len(again)] == again


@pytest.mark.parametrize("product", ["securityhub", "securityhub_v2"])
def test_more_than_three_requests_a_second_are_refused(aws_account: AwsAccount, product: str) -> None:
    aws_account.enable(product, HOME, AWAY)
    call = {"securityhub": "get_findings", "securityhub_v2": "get_findings_v2"}[product]
    burst, code = (6, "TooManyRequestsException") if product == "securityhub" else (30, "ThrottlingException")
    client = aws_account.client("securityhub")
    aws_account.speed(0)  # the machine may be so busy that the calls are within the limit
    codes: List[str] = []
    for _ in range(burst + 2):
        try:
            getattr(client, call)()
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == [code] * 2
    getattr(aws_account.client("securityhub", AWAY), call)()  # each region has its own
    aws_account.speed(1000)
    for _ in range(burst * 2):
        getattr(client, call)()


ASFF: List[Tuple[Dict[str, Any], Set[int]]] = [
    ({"SeverityLabel": [{"Value": "HIGH", "Comparison": "EQUALS"}]}, {1}),
    ({"SeverityLabel": [{"Value": each, "Comparison": "EQUALS"} for each in ("HIGH", "LOW")]}, {0, 1}),
    ({"SeverityLabel": [{"Value": each, "Comparison": "NOT_EQUALS"} for each in ("HIGH", "LOW")]}, {2}),
    ({"Title": [{"Value": "Pub", "Comparison": "PREFIX"}]}, {2}),
    ({"ResourceType": [{"Value": "AwsEc2", "Comparison": "PREFIX_NOT_EQUALS"}]}, set()),
    ({"UpdatedAt": [{"Start": "2026-11-30T10:00:01Z", "End": "2026-11-30T10:00:02Z"}]}, {1, 2}),
    ({"UpdatedAt": [{"DateRange": {"Value": 36500, "Unit": "DAYS", "Comparison": "OLDER_THAN"}}]}, set()),
    ({"SeverityNormalized": [{"Gte": 40, "Lte": 40}]}, {0, 1, 2}),
    ({"UserDefinedFields": [{"Key": "team", "Value": "shop", "Comparison": "EQUALS"}]}, {2}),
    ({"Keyword": [{"Value": "public bucket"}]}, {2}),
    ({"WorkflowStatus": [{"Value": "NEW", "Comparison": "EQUALS"}], "Confidence": [{"Gte": 1}]}, set()),
    ({"Sample": [{"Value": False}]}, {0, 1, 2}),
]  # fmt: skip


def test_security_hub_chooses_and_sorts(aws_account: AwsAccount) -> None:
    aws_account.enable("securityhub", HOME)
    aws_account.speed(1000)
    public = {"Severity.Label": "MEDIUM", "Title": "Public bucket", "UserDefinedFields": {"team": "shop"}}
    changes: Sequence[Dict[str, Any]] = ({"Severity.Label": "LOW"}, {"Severity.Label": "HIGH"}, public)
    made = [
        aws_account.add("securityhub", at=f"2026-11-30T10:00:0{number}.000Z", changes=change)[0]
        for number, change in enumerate(changes)
    ]
    client = aws_account.client("securityhub")
    for filters, fits in ASFF:
        found = {each["Id"] for each in client.get_findings(Filters=filters)["Findings"]}
        assert found == {made[number] for number in fits}, filters
    order = [{"Field": "UpdatedAt", "SortOrder": "desc"}]
    assert [each["Id"] for each in client.get_findings(SortCriteria=order)["Findings"]] == made[::-1]


@pytest.mark.parametrize(
    "filters",
    [
        {"UpdatedAt": [{"Start": "2026-11-30T10:00:00Z"}]},
        {"UpdatedAt": [{"Start": "2026-11-30T10:00:00Z", "End": "2026-11-30T09:00:00Z"}]},
        {"Title": [{"Value": "x", "Comparison": "CONTAINS"}]},
        {"Title": [{"Value": "x", "Comparison": each} for each in ("EQUALS", "NOT_EQUALS")]},
        {"Id": [{"Value": str(number), "Comparison": "EQUALS"} for number in range(21)]},
        {
            name: [{"Value": "x", "Comparison": "EQUALS"}]
            for name in ("Id", "Title", "Region", "Type", "ResourceId", "ResourceType", "ProductArn", "ProductName")
            + ("RecordState", "GeneratorId", "WorkflowStatus")
        },
    ],
    ids=["start alone", "turned round", "contains", "mixed", "21 values", "11 attributes"],
)
def test_security_hub_refuses_a_filter(aws_account: AwsAccount, filters: Dict[str, Any]) -> None:
    aws_account.enable("securityhub", HOME)
    client = aws_account.client("securityhub")
    assert refused(client.get_findings, Filters=filters) == ("InvalidInputException", 400)


def test_security_hub_decisions_do_not_move_updated_at(aws_account: AwsAccount) -> None:
    aws_account.enable("securityhub", HOME)
    (made,) = aws_account.add("securityhub", at=AT)
    client = aws_account.client("securityhub")
    arn = client.get_findings()["Findings"][0]["ProductArn"]
    identifiers = [{"Id": made, "ProductArn": arn}, {"Id": "other", "ProductArn": arn}]
    note = {"Text": "looked at", "UpdatedBy": "me"}
    done = client.batch_update_findings(FindingIdentifiers=identifiers, Note=note, Workflow={"Status": "RESOLVED"})
    assert [each["Id"] for each in done["ProcessedFindings"]] == [made]
    assert [each["ErrorCode"] for each in done["UnprocessedFindings"]] == ["FindingNotFound"]
    (finding,) = client.get_findings()["Findings"]
    assert (finding["UpdatedAt"], finding["Workflow"]["Status"], finding["Note"]["Text"]) == (
        AT,
        "RESOLVED",
        "looked at",
    )
    assert [version["finding"]["Workflow"]["Status"] for version in aws_account.versions()] == ["NEW", "RESOLVED"]


def test_only_own_findings_are_imported_and_newer_ones_replace(aws_account: AwsAccount) -> None:
    aws_account.enable("securityhub", HOME)
    aws_account.add("securityhub", at=AT)
    client = aws_account.client("securityhub")
    (there,) = client.get_findings()["Findings"]
    given = [
        {**there, "UpdatedAt": "2026-11-30T09:00:00.000Z", "Title": "older"},
        {**there, "AwsAccountId": "123456789012"},
        {**there, "Id": "large", "Description": "x", "UserDefinedFields": {"k": "v" * 250_000}},
        {**there, "UpdatedAt": "2026-11-30T11:00:00.000Z", "Title": "newer"},
    ]
    done = client.batch_import_findings(Findings=given)
    assert (done["SuccessCount"], done["FailedCount"]) == (2, 2)
    assert [each["Title"] for each in client.get_findings()["Findings"]] == ["newer"]
    too_many = [{**there, "Id": str(number)} for number in range(101)]
    assert refused(client.batch_import_findings, Findings=too_many) == ("InvalidInputException", 400)


def by_field(kind: str, field: str, **given: Any) -> Dict[str, Any]:
    return {kind: [{"FieldName": field, "Filter": given}]}


V2: List[Tuple[Dict[str, Any], Set[int]]] = [
    ({"CompositeFilters": [by_field("StringFilters", "severity", Value="High", Comparison="EQUALS")]}, {1}),
    ({"CompositeFilters": [by_field("NumberFilters", "severity_id", Gte=3)]}, {0, 1}),
    (
        {
            "CompositeFilters": [
                by_field("NumberFilters", "severity_id", Eq=2),
                by_field("NumberFilters", "severity_id", Eq=4),
            ],
            "CompositeOperator": "OR",
        },
        {1, 2},
    ),
    (
        {
            "CompositeFilters": [
                by_field(
                    "DateFilters",
                    "finding_info.modified_time_dt",
                    Start="2026-11-30T10:00:00Z",
                    End="2026-11-30T10:00:01Z",
                )
            ]
        },
        {0, 1},
    ),
    (
        {
            "CompositeFilters": [
                by_field("StringFilters", "finding_info.title", Value="INSTANCES", Comparison="CONTAINS_WORD")
            ]
        },
        {0, 1, 2},
    ),
]


def test_security_hub_v2_chooses_and_sorts(aws_account: AwsAccount) -> None:
    aws_account.enable("securityhub_v2", HOME)
    made = [
        aws_account.add("securityhub_v2", at=f"2026-11-30T10:00:0{number}.000Z", changes=change)[0]
        for number, change in enumerate(
            ({}, {"severity": "High", "severity_id": 4}, {"severity": "Low", "severity_id": 2})
        )
    ]
    client = aws_account.client("securityhub")
    for filters, fits in V2:
        found = {each["metadata"]["uid"] for each in client.get_findings_v2(Filters=filters)["Findings"]}
        assert found == {made[number] for number in fits}, filters
    order = [{"Field": "finding_info.modified_time_dt", "SortOrder": "desc"}]
    found = [each["metadata"]["uid"] for each in client.get_findings_v2(SortCriteria=order)["Findings"]]
    assert found == made[::-1]
    client.batch_update_findings_v2(MetadataUids=made[:1], StatusId=4, Comment="done")
    (changed,) = client.get_findings_v2(Filters=V2[3][0])["Findings"][:1]
    assert (changed["status_id"], changed["status"], changed["comment"]) == (4, "Resolved", "done")
    assert changed["finding_info"]["modified_time_dt"] == "2026-11-30T10:00:00.000Z"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"MaxResults": 101}, "ValidationException"),
        ({"Filters": {"CompositeFilters": [{}] * 11}}, "ValidationException"),
        (
            {"Filters": {"CompositeFilters": [by_field("StringFilters", "nothing", Value="x", Comparison="EQUALS")]}},
            "ValidationException",
        ),
        ({"Scopes": {"AwsOrganizations": [{"OrganizationId": "o-1"}]}}, "AccessDeniedException"),
    ],
)
def test_security_hub_v2_refuses(aws_account: AwsAccount, given: Dict[str, Any], code: str) -> None:
    aws_account.enable("securityhub_v2", HOME)
    assert refused(aws_account.client("securityhub").get_findings_v2, **given)[0] == code


@pytest.mark.parametrize(
    ("product", "call", "member", "id_of"),
    [
        ("securityhub", "get_findings", "Findings", lambda each: each["Id"]),
        ("securityhub_v2", "get_findings_v2", "Findings", lambda each: each["metadata"]["uid"]),
    ],
)
def test_a_home_region_shows_its_linked_regions_and_an_administrator_its_members(
    aws_account: AwsAccount, product: str, call: str, member: str, id_of: Callable[[Dict[str, Any]], str]
) -> None:
    other = aws_account.another()
    made = {}
    for account in (aws_account, other):
        account.enable(product, HOME, AWAY)
        for region in (HOME, AWAY):
            made[account.id, region] = account.add(product, region)[0]
    arn = aws_account.aggregate(product, HOME, [AWAY])
    aws_account.administer(product, [other], HOME, AWAY)

    def seen(account: AwsAccount, region: str) -> Set[str]:
        return {id_of(each) for each in getattr(account.client("securityhub", region), call)()[member]}

    assert seen(aws_account, HOME) == set(made.values())
    assert seen(aws_account, AWAY) == {made[aws_account.id, AWAY], made[other.id, AWAY]}
    assert seen(other, HOME) == {made[other.id, HOME]}
    client = aws_account.client("securityhub", AWAY)  # which tells of it from everywhere
    if product == "securityhub":
        assert client.list_finding_aggregators()["FindingAggregators"] == [{"FindingAggregatorArn": arn}]
        home = client.get_finding_aggregator(FindingAggregatorArn=arn)["FindingAggregationRegion"]
        assert [each["AccountId"] for each in client.list_members()["Members"]] == [other.id]
        who = other.client("securityhub").get_administrator_account()
        assert who["Administrator"]["AccountId"] == aws_account.id
    else:
        assert client.list_aggregators_v2()["AggregatorsV2"] == [{"AggregatorV2Arn": arn}]
        home = client.get_aggregator_v2(AggregatorV2Arn=arn)["AggregationRegion"]
    assert home == HOME


def test_a_guardduty_administrator_sees_its_members_and_they_may_not_archive(aws_account: AwsAccount) -> None:
    member = aws_account.another()
    own, theirs = detector(aws_account)[HOME], detector(member)[HOME]
    made = aws_account.add("guardduty") + member.add("guardduty")
    aws_account.administer("guardduty", [member], HOME)
    client, of_member = aws_account.client("guardduty"), member.client("guardduty")
    assert ids_of(client, own) == made
    assert ids_of(of_member, theirs) == made[1:]
    assert [each["AccountId"] for each in client.list_members(DetectorId=own)["Members"]] == [member.id]
    assert client.get_administrator_account(DetectorId=own)["Administrator"] == {}
    who = of_member.get_administrator_account(DetectorId=theirs)["Administrator"]
    assert who["AccountId"] == aws_account.id
    assert refused(of_member.archive_findings, DetectorId=theirs, FindingIds=made[1:])[0] == "BadRequestException"
    client.archive_findings(DetectorId=own, FindingIds=made[1:])
    assert of_member.get_findings(DetectorId=theirs, FindingIds=made[1:])["Findings"][0]["Service"]["Archived"]


@pytest.mark.parametrize("kinds", [[], ["Recon:EC2/Portscan"]])
def test_samples_are_marked(aws_account: AwsAccount, kinds: List[str]) -> None:
    found = detector(aws_account)[HOME]
    client = aws_account.client("guardduty")
    client.create_sample_findings(DetectorId=found, **({"FindingTypes": kinds} if kinds else {}))
    findings = client.get_findings(DetectorId=found, FindingIds=ids_of(client, found))["Findings"]
    assert {each["Title"][:8] for each in findings} == {"[SAMPLE]"}
    assert {json.loads(each["Service"]["AdditionalInfo"]["Value"])["sample"] for each in findings} == {True}
    if kinds:
        assert [each["Type"] for each in findings] == kinds


def test_security_hub_must_be_on(aws_account: AwsAccount) -> None:
    client = aws_account.client("securityhub")
    assert refused(client.get_findings) == ("InvalidAccessException", 401)
    assert refused(client.describe_security_hub_v2) == ("ResourceNotFoundException", 404)
    client.enable_security_hub()
    assert client.get_findings()["Findings"] == []
    assert client.describe_hub()["HubArn"].endswith(":hub/default")
    assert len(client.get_enabled_standards()["StandardsSubscriptions"]) == 3


def test_an_export_runs_alone_and_ends_in_the_bucket(aws_account: AwsAccount) -> None:
    aws_account.enable("securityhub_v2", HOME)
    made = aws_account.add("securityhub_v2", count=3)
    client, s3 = aws_account.client("securityhub"), aws_account.client("s3")
    bucket = f"exports-{aws_account.id}"
    s3.create_bucket(Bucket=bucket)
    key = f"arn:aws:kms:{HOME}:{aws_account.id}:key/0f1e2d3c-0000-4000-8000-000000000000"
    given: Dict[str, Any] = {
        "Destination": {"S3": {"BucketArn": f"arn:aws:s3:::{bucket}", "KmsKeyArn": key, "ObjectPrefix": "export"}},
        "OutputConfiguration": {"Findings": {"Format": "OCSF_JSON"}},
    }
    job = client.start_export_job_v2(**given)["ExportJobId"]
    assert refused(client.start_export_job_v2, **given) == ("ServiceQuotaExceededException", 402)
    assert client.get_export_job_v2(ExportJobId=job)["Status"] == "RUNNING"
    assert client.get_export_job_v2(ExportJobId=job)["Status"] == "SUCCEEDED"
    (found,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"export/{job}/")["Contents"]
    import gzip

    text = gzip.decompress(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()).decode()
    assert [json.loads(line)["metadata"]["uid"] for line in text.splitlines()] == made
    given["Destination"]["S3"]["BucketArn"] += "-not"
    job = client.start_export_job_v2(**given)["ExportJobId"]
    client.get_export_job_v2(ExportJobId=job)
    assert client.get_export_job_v2(ExportJobId=job)["FailureCode"] == "RESOURCE_NOT_FOUND"


def test_inspector_lists_25_and_chooses_by_time(aws_account: AwsAccount) -> None:
    aws_account.enable("inspector2", HOME)
    made = aws_account.add("inspector2", count=30, at=AT, step_ms=1000)
    client = aws_account.client("inspector2")
    first = client.list_findings(maxResults=100)
    rest = client.list_findings(maxResults=100, nextToken=first["nextToken"])
    assert [each["findingArn"] for each in first["findings"] + rest["findings"]] == made
    assert (len(first["findings"]), "nextToken" in rest) == (25, False)
    window = [{"startInclusive": "2026-11-30T10:00:05Z", "endInclusive": "2026-11-30T10:00:07Z"}]
    found = client.list_findings(filterCriteria={"updatedAt": window})["findings"]
    assert [each["findingArn"] for each in found] == made[5:8]
    aws_account.remove("inspector2", HOME, made[5:6])
    assert len(client.list_findings(filterCriteria={"updatedAt": window})["findings"]) == 2
    assert refused(client.list_findings, maxResults=101) == ("ValidationException", 400)


def test_macie_lists_ids_and_gives_whole_findings(aws_account: AwsAccount) -> None:
    aws_account.enable("macie2", HOME)
    made = aws_account.add("macie2", count=30, at=AT, step_ms=1000)
    client = aws_account.client("macie2")
    first = client.list_findings()
    assert first["findingIds"] == made[:25]
    assert client.list_findings(nextToken=first["nextToken"])["findingIds"] == made[25:]
    window = {"criterion": {"updatedAt": {"gte": 1796032805000, "lt": 1796032808000}}}
    assert client.list_findings(findingCriteria=window)["findingIds"] == made[5:8]
    assert {each["id"] for each in client.get_findings(findingIds=made)["findings"]} == set(made)
    assert refused(client.list_findings, maxResults=26) == ("ValidationException", 400)


def test_access_analyzer_lists_summaries(aws_account: AwsAccount) -> None:
    arn = aws_account.enable("accessanalyzer", HOME)[HOME]
    made = aws_account.add("accessanalyzer", count=3)
    aws_account.update("accessanalyzer", HOME, made[:1], changes={"status": "RESOLVED"})
    client = aws_account.client("accessanalyzer")
    assert [each["arn"] for each in client.list_analyzers()["analyzers"]] == [arn]
    active = client.list_findings_v2(analyzerArn=arn, filter={"status": {"eq": ["ACTIVE"]}})["findings"]
    assert [each["id"] for each in active] == made[1:]
    assert "findingDetails" not in active[0]
    whole = client.get_finding_v2(analyzerArn=arn, id=made[0])
    assert whole["findingDetails"][0]["externalAccessDetails"]["isPublic"]
    assert refused(client.list_findings_v2, analyzerArn=arn + "-not")[0] == "ResourceNotFoundException"


def test_what_aws_could_not_have_found_is_refused(aws_account: AwsAccount) -> None:
    detector(aws_account)
    with pytest.raises(ValueError, match="AWS has no such finding of guardduty: severity is no double"):
        aws_account.add("guardduty", changes={"severity": "high"})
    with pytest.raises(ValueError, match="has no member Severity"):
        aws_account.add("guardduty", changes={"Severity": 2.0})
    with pytest.raises(ValueError, match="macie2 is not on in us-east-1"):
        aws_account.add("macie2")


def test_a_fault_is_met_in_its_account_and_region_alone(aws_account: AwsAccount) -> None:
    other = aws_account.another()
    found = detector(aws_account, HOME, AWAY)
    theirs = detector(other)[HOME]
    aws_account.fault(Fault("ThrottlingException", "ListFindings", times=2, region=AWAY))
    away = aws_account.client("guardduty", AWAY)
    assert ids_of(aws_account.client("guardduty"), found[HOME]) == []
    assert ids_of(other.client("guardduty"), theirs) == []
    for _ in range(2):
        assert refused(away.list_findings, DetectorId=found[AWAY])[0] == "ThrottlingException"
    assert ids_of(away, found[AWAY]) == []


CALLS = {
    "guardduty": "list_detectors",
    "securityhub": "list_finding_aggregators",
    "sqs": "list_queues",
    "ec2": "describe_regions",
    "sts": "get_caller_identity",
    "organizations": "list_accounts",
}


@pytest.mark.parametrize(
    ("service", "expired", "denied", "off"),
    [
        ("guardduty", "ExpiredTokenException", "AccessDeniedException", "UnrecognizedClientException"),
        ("securityhub", "ExpiredTokenException", "AccessDeniedException", "UnrecognizedClientException"),
        ("sqs", "ExpiredTokenException", "AccessDeniedException", "UnrecognizedClientException"),
        ("ec2", "RequestExpired", "UnauthorizedOperation", "AuthFailure"),
        ("sts", "ExpiredToken", "AccessDenied", "InvalidClientTokenId"),
    ],
)
def test_sessions_end_and_regions_are_denied_or_off(
    aws_account: AwsAccount, service: str, expired: str, denied: str, off: str
) -> None:
    call = CALLS[service]
    aws_account.deny("eu-west-3")
    assert refused(getattr(aws_account.client(service, "eu-west-3"), call))[0] == denied
    aws_account.allow("eu-west-3")
    if service == "securityhub":
        aws_account.enable("securityhub", "eu-west-3", "me-central-1", HOME)
    getattr(aws_account.client(service, "eu-west-3"), call)()
    assert refused(getattr(aws_account.client(service, "me-central-1"), call))[0] == off
    aws_account.opt_in("me-central-1")
    getattr(aws_account.client(service, "me-central-1"), call)()

    def session() -> Any:
        given = aws_account.client("sts").assume_role(RoleArn=aws_account.role(), RoleSessionName="reader")
        return aws_account.aws.client(service, given["Credentials"]["AccessKeyId"], attempts=1)

    old = session()
    getattr(old, call)()
    assert aws_account.expire_sessions() == 1
    assert refused(getattr(old, call))[0] == expired
    getattr(session(), call)()


def test_a_role_leads_into_its_account(aws_account: AwsAccount) -> None:
    member = aws_account.another()
    found = detector(member)[HOME]
    given = aws_account.client("sts").assume_role(RoleArn=member.role(), RoleSessionName="reader")["Credentials"]
    client = aws_account.aws.client("guardduty", given["AccessKeyId"], attempts=1)
    assert client.list_detectors()["DetectorIds"] == [found]
    assert [(call.name, call.account) for call in member.calls()] == [("ListDetectors", member.id)]


@pytest.mark.parametrize(
    ("role", "external_id", "assumed"),
    [("siem", "x1", True), ("siem", "x2", False), ("siem", "", False), ("other", "x1", False)],
)
def test_a_role_trusts_whom_it_names(aws_account: AwsAccount, role: str, external_id: str, assumed: bool) -> None:
    member = aws_account.another()
    member.trust("siem", aws_account, external_id="x1")
    given = {"RoleArn": member.role(role), "RoleSessionName": "reader"}
    if external_id:
        given["ExternalId"] = external_id
    if assumed:
        assert aws_account.client("sts").assume_role(**given)["Credentials"]
        assert refused(aws_account.another().client("sts").assume_role, **given) == ("AccessDenied", 403)
        return
    with pytest.raises(
        ClientError, match=f"is not authorized to perform: sts:AssumeRole on resource: {member.role(role)}"
    ):
        aws_account.client("sts").assume_role(**given)


def test_a_denial_names_the_action(aws_account: AwsAccount) -> None:
    client = aws_account.client("guardduty")
    aws_account.fault(Fault("AccessDeniedException", "ListDetectors"))
    with pytest.raises(ClientError, match="is not authorized to perform: guardduty:ListDetectors because no identity-"):
        client.list_detectors()
    aws_account.deny(HOME)
    with pytest.raises(ClientError, match="ListDetectors with an explicit deny in a service control policy"):
        client.list_detectors()


def test_regions_that_must_be_asked_for(aws_account: AwsAccount) -> None:
    ec2 = aws_account.client("ec2")
    assert len(ec2.describe_regions()["Regions"]) == 17
    aws_account.opt_in("me-central-1")
    names = {each["RegionName"]: each["OptInStatus"] for each in ec2.describe_regions(AllRegions=True)["Regions"]}
    assert (names["me-central-1"], names["af-south-1"], names[HOME]) == (
        "opted-in",
        "not-opted-in",
        "opt-in-not-required",
    )
    assert "me-central-1" in {each["RegionName"] for each in ec2.describe_regions()["Regions"]}
    listed = aws_account.client("account").list_regions(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])
    assert len(listed["Regions"]) == 18


def test_an_organisation_lists_its_accounts_twenty_at_a_time(aws_account: AwsAccount) -> None:
    others = [aws_account.another().id for _ in range(22)]
    members: List[Dict[str, Any]] = [{"member": each, "name": f"team-{each}"} for each in others]
    members[0].update(unit="production", tags={"owner": "shop"})
    members[1].update(suspended=True)
    aws_account.organization(*members)
    client = aws_account.client("organizations")
    pages = [client.list_accounts()]
    pages.append(client.list_accounts(NextToken=pages[0]["NextToken"]))
    listed = {each["Id"]: each["Status"] for page in pages for each in page["Accounts"]}
    assert [len(page["Accounts"]) for page in pages] == [20, 3]
    assert listed == {aws_account.id: "ACTIVE", **dict.fromkeys(others, "ACTIVE"), others[1]: "SUSPENDED"}
    tags = client.list_tags_for_resource(ResourceId=others[0])["Tags"]
    assert tags == [{"Key": "owner", "Value": "shop"}]
    (parent,) = client.list_parents(ChildId=others[0])["Parents"]
    unit = client.describe_organizational_unit(OrganizationalUnitId=parent["Id"])["OrganizationalUnit"]
    assert unit["Name"] == "production"
    member = aws_account.aws.client("organizations", f"AKIALABX{others[0]}", attempts=1)
    assert refused(member.list_accounts)[0] == "AccessDeniedException"
    client.register_delegated_administrator(AccountId=others[0], ServicePrincipal="guardduty.amazonaws.com")
    assert len(member.list_accounts()["Accounts"]) == 20
    assert (
        refused(aws_account.another().client("organizations").list_accounts)[0] == "AWSOrganizationsNotInUseException"
    )
    assert refused(client.list_accounts, MaxResults=21)[0] == "InvalidInputException"


def test_shield_tells_of_attacks_by_time(aws_account: AwsAccount) -> None:
    client = aws_account.client("shield")
    assert client.get_subscription_state()["SubscriptionState"] == "INACTIVE"
    aws_account.enable("shield", HOME)
    made = aws_account.add("shield", count=3, at=AT, step_ms=60_000)
    window = {"FromInclusive": "2026-11-30T10:01:00Z", "ToExclusive": "2026-11-30T10:02:00Z"}
    (attack,) = client.list_attacks(StartTime=window)["AttackSummaries"]
    assert (attack["AttackId"], attack["AttackVectors"]) == (made[1], [{"VectorType": "REQUEST_FLOOD"}])
    aws_account.update("shield", HOME, made[1:2], at="2026-11-30T10:30:00.000Z")
    assert client.describe_attack(AttackId=made[1])["Attack"]["EndTime"].minute == 30
    assert client.get_subscription_state()["SubscriptionState"] == "ACTIVE"


def test_an_older_version_may_be_shown_for_a_while(aws_account: AwsAccount) -> None:
    aws_account.enable("securityhub", HOME)
    ids = aws_account.add("securityhub", count=2, at=AT)
    aws_account.update("securityhub", HOME, ids[:1], at="2026-11-30T11:00:00.000Z")
    aws_account.be_stale("securityhub", HOME, 1)
    client = aws_account.client("securityhub")
    times = [[each["UpdatedAt"][11:13] for each in client.get_findings()["Findings"]] for _ in range(2)]
    assert times == [["10", "10"], ["11", "10"]]
