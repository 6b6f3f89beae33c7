"""``aws-siem-bridge lab splunkd start`` as a user runs it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import List

import psutil
import pytest

from .conftest import request

ROOT = Path(__file__).resolve().parents[3]


def command(*arguments: str) -> List[str]:
    return [sys.executable, "-m", "aws_siem_bridge", "lab", "splunkd", "start", *arguments]


def test_serves_until_it_is_ended_and_leaves_no_child(app_dir: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--app", str(app_dir), "--cluster", "http://search:9200", "--user", "kim", "--local", str(tmp_path)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout and process.stderr
        said = [process.stdout.readline().split(None, 1) for _ in range(4)]
        told = {words[0]: words[1].strip() for words in said if words[0] != "session"}
        key = next(words[1].split()[1] for words in said if words[0] == "session")
        page = told["open"].split()[0]
        assert page.endswith("/en-US/app/test_app/settings")
        uri = page[: page.index("/en-US")]
        assert request(uri, "GET", "/en-US/app/test_app/settings", {}).status == 200
        headers = {"Authorization": f"Splunk {key}"}
        echo = request(told["splunkd"], "GET", "/services/test/echo", headers).json
        assert echo["request"]["session"]["user"] == "kim"
        child = psutil.Process(echo["pid"])
        assert request(uri, "GET", "/en-US/nothing", {}).status == 404
        assert process.stderr.readline() == "not served here: GET /en-US/nothing\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert psutil.wait_procs([child], timeout=60)[1] == []
        assert "hosts = http://search:9200" in (tmp_path / "aws_siem_bridge_cluster.conf").read_text()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("what", ["folder", "port", "cluster"])
def test_mistakes_are_said_in_one_line(what: str, app_dir: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        arguments, said = {
            "folder": (["--app", str(tmp_path)], "no Splunk app"),
            "port": (["--app", str(app_dir), "--web-port", str(taken.getsockname()[1])], "port"),
            "cluster": (["--app", str(app_dir), "--cluster", "ftp://x"], "ftp://x"),
        }[what]
        done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
