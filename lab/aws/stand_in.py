"""AWS on this machine, from a program's point of view: start, set faults, look at what was called, stop."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Dict, Iterable, List, Optional, Type

from aws_bridge import service_models
from lab.aws.account import AwsAccount
from lab.aws.errors import AwsUnavailable
from lab.aws.faults import Fault
from lab.aws.operations import Operation

REGION = "us-east-1"
ACCOUNT = "123456789012"
#: The access key of whoever does not say that he is somebody else; no secret, the stand-in checks none.
ACCESS_KEY = "lab"
STOP_TIMEOUT_S = 10
#: What moto 5.2 runs on.
NEEDED_PYTHON = (3, 11)

#: One recorded call.
Call = Operation


class AwsStandIn:
    """A running stand-in. Use it as a context manager; it stops with this process anyway.

    Raises AwsUnavailable when it cannot start here. ``port`` 0 is any free one.
    """

    def __init__(self, port: int = 0) -> None:
        if sys.version_info < NEEDED_PYTHON:
            raise AwsUnavailable(
                "The stand-in for AWS (moto) needs Python 3.11 or later, this is "
                f"{sys.version_info[0]}.{sys.version_info[1]}: set PYTHON to a later one"
            )
        self._lock = threading.Lock()
        self._session: Any = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        #: What its process keeps in files, such as the roots of instances.
        self._scratch = tempfile.TemporaryDirectory(prefix="aws-stand-in-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.aws.server", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "MOTO_ALLOW_NONEXISTENT_REGION": "false", "TMPDIR": self._scratch.name},
        )
        assert self._process.stdout
        said = json.loads(self._process.stdout.readline() or b"{}")
        if "port" not in said:
            self.stop()
            raise AwsUnavailable(
                f"The stand-in for AWS does not start: {said.get('error') or self.log() or 'no reason'}"
            )
        #: Its base URL.
        self.url = f"http://127.0.0.1:{said['port']}"
        atexit.register(self.stop)

    def __enter__(self) -> AwsStandIn:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; all it holds is gone."""
        atexit.unregister(self.stop)
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._scratch.cleanup()

    def environment(self, access_key: str = ACCESS_KEY) -> Dict[str, str]:
        """Return the variables that lead an AWS SDK or command line here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            # The address of a real machine's credentials must never be asked.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str, access_key: str = ACCESS_KEY, *, region: str = REGION, attempts: int = 4) -> Any:
        """Return a boto3 client of ``service``, independent of this process's own AWS configuration."""
        import boto3
        from botocore.config import Config

        with self._lock:  # a session makes one client at a time, and reads a service's description once
            if self._session is None:
                self._session = boto3.session.Session()
                service_models.use(self._session._session)
            return self._session.client(
                service,
                region,
                endpoint_url=self.url,
                aws_access_key_id=access_key,
                aws_secret_access_key="lab",
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    s3={"addressing_style": "path"},
                    max_pool_connections=20,
                ),
            )

    def account(self) -> AwsAccount:
        """Return an account that nobody had: nothing in it, nothing switched on, no fault."""
        return AwsAccount(self, self.command("new_account"))

    def command(self, name: str, **given: Any) -> Any:
        """Run a command of `lab.aws.services.control`; `AwsAccount` has a method for each. Raises ValueError."""
        said = self._ask(f"command/{name}", given)
        if "error" in said:
            raise ValueError(said["error"])
        return said["said"]

    def fault(self, fault: Fault) -> None:
        """Let the next requests of an operation go wrong."""
        self._ask("faults", fault.as_json())

    def clear_faults(self) -> None:
        """Serve every request again."""
        self._ask("clear-faults", {})

    def require_encryption(self, bucket: str) -> None:
        """Refuse writes to this bucket that do not ask for server-side encryption, as bucket policies do."""
        self._ask("encrypted-buckets", {"bucket": bucket})

    def let_time_pass(self, queue_url: str, seconds: float, account: str = "") -> None:
        """Let the messages of a queue be hidden and delayed for so much less, as if the time had passed.

        ``account`` of the queue; the stand-in's first one if not given.
        """
        given = {"queue_name": queue_url.rpartition("/")[2], "seconds": seconds, "account": account}
        self._ask("let-time-pass", given)

    def deliver(self, folder: Path, paths: Iterable[str], bucket: str, prefix: str = "") -> List[str]:
        """Let AWS deliver files: each under ``prefix`` and its path relative to ``folder``. Return the keys, in order.

        With notifications, but without a request for each file: a thousand a second.
        """
        given = {"folder": str(folder.absolute()), "paths": list(paths), "bucket": bucket, "prefix": prefix}
        return self._ask("deliver", given)

    def calls(self, access_key: str = "", account: str = "") -> List[Call]:
        """Return what was called since the start or `forget_calls`: with one access key, in one account, or all."""
        found = [Call(**call) for call in self._ask("calls", {"account": account} if account else {})]
        return [call for call in found if access_key in ("", call.access_key)]

    def forget_calls(self) -> None:
        """Begin the record of calls anew."""
        self._ask("clear-calls", {})

    def log(self) -> str:
        """Return what its process wrote to standard error."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def _ask(self, what: str, given: Dict[str, Any]) -> Any:
        request = urllib.request.Request(f"{self.url}/lab/{what}", json.dumps(given).encode(), method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.loads(answer.read())
