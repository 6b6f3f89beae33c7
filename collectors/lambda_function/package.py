"""``script/build-lambda``: the folders that ``deploy/serverless/template.yaml`` is deployed from.

::

    dist/lambda/loader/    es_bridge, aws_bridge, collectors and their libraries, for one architecture
    dist/lambda/parquet/   the layer for VPC Flow Logs in Parquet (170 MB)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List, Optional

from aws_bridge.functions.packing import Package, build_from_command_line

_HERE = Path(__file__).resolve().parent

LOADER = Package(
    "loader",
    _HERE / "requirements.lock",
    own=("es_bridge", "aws_bridge", "collectors"),
    services=frozenset(("s3", "sqs", "lambda", "secretsmanager", "cloudwatch")),
)
PARQUET = Package("parquet", _HERE / "requirements-parquet.lock", libraries="python")


def main(argv: Optional[List[str]] = None) -> int:
    """Build what is asked for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="script/build-lambda",
        description="Build the code of the loader's Lambda functions and the Parquet layer into dist/lambda.",
        epilog="example: script/build-lambda --architecture x86_64 && sam deploy --guided "
        "--template deploy/serverless/template.yaml",
    )
    parser.add_argument("--no-parquet", action="store_true", help="without the layer: 170 MB less to fetch and upload")
    return build_from_command_line(parser, lambda given: [LOADER] if given.no_parquet else [LOADER, PARQUET], argv)


if __name__ == "__main__":
    sys.exit(main())
