"""Downloads: checked byte by byte, whole or not there at all, and not needed twice."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from lab.engine import ENGINES, artifacts, start_engine
from lab.engine.artifacts import cached_path, fetch
from lab.engine.cache import building
from lab.engine.errors import ArtifactError
from lab.engine.lock import LockedFile, read_lock

CONTENT = b"not really a jar\n" * 5000


def locked(name: str = "thing", content: bytes = CONTENT) -> LockedFile:
    return LockedFile("lib", "org.example", name, "1.0", "jar", hashlib.sha256(content).hexdigest(), len(content))


class _Repository(http.server.BaseHTTPRequestHandler):
    """A Maven repository with faults: what it serves for a path, and after how many bytes it hangs up."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        answers: Dict[str, List[Tuple[bytes, int]]] = self.server.answers  # type: ignore[attr-defined]
        name = self.path.rsplit("/", 1)[-1]
        if name not in answers:
            self.send_error(404)
            return
        body, cut = answers[name].pop(0) if len(answers[name]) > 1 else answers[name][0]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut < len(body):
            self.wfile.flush()
            self.server.half_sent.set()  # type: ignore[attr-defined]
            self.server.go_on.wait(60)  # type: ignore[attr-defined]

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve a Maven repository; ``answers[filename]`` is the list of (body, bytes sent) to give."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Repository)
    server.asked, server.answers = [], {}  # type: ignore[attr-defined]
    server.half_sent, server.go_on = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    server.go_on.set()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_SIEM_BRIDGE_MAVEN", f"http://127.0.0.1:{server.server_port}/maven2/")
    yield server
    server.go_on.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def whole(body: bytes = CONTENT) -> Tuple[bytes, int]:
    return body, len(body)


def quiet(what: str, done: int, total: int) -> None:
    pass


def test_a_file_is_fetched_once_with_progress(empty_cache: Path, repository: Any):
    repository.answers["thing-1.0.jar"] = [whole()]
    seen: List[Tuple[str, int, int]] = []
    file = locked()
    first = fetch([file], "an engine", lambda *line: seen.append(line))[file]
    assert first.read_bytes() == CONTENT
    assert empty_cache in first.parents
    assert seen[-1] == ("an engine: files downloaded", 1, 1)
    asked = len(repository.asked)
    assert fetch([file], "an engine", quiet)[file] == first
    assert len(repository.asked) == asked


def test_other_bytes_than_the_pinned_ones_are_refused(empty_cache: Path, repository: Any):
    repository.answers["thing-1.0.jar"] = [whole(b"something else")]
    file = locked()
    with pytest.raises(ArtifactError, match="org.example:thing:1.0 .*sha256 is .*lock file says") as refused:
        fetch([file], "an engine", quiet)
    assert file.sha256 in str(refused.value)
    assert not cached_path(file).exists()
    assert [path for path in empty_cache.rglob("*") if path.is_file()] == []


def test_a_download_cut_short_leaves_nothing_and_is_tried_again(empty_cache: Path, repository: Any):
    repository.answers["thing-1.0.jar"] = [(CONTENT, 1000), (CONTENT, 0), whole()]
    file = locked()
    assert fetch([file], "an engine", quiet)[file].read_bytes() == CONTENT

    repository.answers["other-1.0.jar"] = [(CONTENT, 1000)]
    other = locked("other")
    with pytest.raises(ArtifactError, match=rf"org.example:other:1.0 \({artifacts.ATTEMPTS} attempts\)"):
        fetch([other], "an engine", quiet)
    assert not cached_path(other).exists()
    repository.answers["other-1.0.jar"] = [whole()]
    assert fetch([other], "an engine", quiet)[other].read_bytes() == CONTENT


def test_a_download_killed_half_way_does_not_spoil_the_cache(empty_cache: Path, repository: Any):
    repository.answers["thing-1.0.jar"] = [(CONTENT, 1000)]
    repository.go_on.clear()
    file = locked()
    program = (
        "from lab.engine.artifacts import fetch; from lab.engine.lock import LockedFile; "
        f"fetch([{file!r}], 'an engine', print)"
    )
    child = subprocess.Popen([sys.executable, "-c", program], cwd=Path(artifacts.__file__).parents[2])
    assert repository.half_sent.wait(60)
    child.kill()
    child.wait()
    repository.go_on.set()
    assert not cached_path(file).exists()
    repository.answers["thing-1.0.jar"] = [whole()]
    assert fetch([file], "an engine", quiet)[file].read_bytes() == CONTENT


def test_a_file_the_repository_does_not_have_is_named(empty_cache: Path, repository: Any):
    with pytest.raises(ArtifactError, match="org.example:thing:1.0.*AWS_SIEM_BRIDGE_MAVEN"):
        fetch([locked()], "an engine", quiet)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "home"
    with pytest.raises(KeyboardInterrupt), building(target) as draft:
        (draft / "half").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with building(target) as draft:
        (draft / "file").touch()
        with building(target) as faster:  # a second process does the same and is done first
            (faster / "file").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["home", "file"]


@pytest.mark.parametrize("engine_id", list(ENGINES))
def test_a_lock_file_pins_what_the_catalogue_names(engine_id: str):
    spec = ENGINES[engine_id]
    files = read_lock(engine_id)
    pinned = {f"{file.group}:{file.artifact}:{file.version}" for file in files}
    named = set(spec.lib) | {name for module in spec.modules for name in module.artifacts}
    assert named | ({spec.security} if spec.security else set()) <= pinned
    assert all(len(file.sha256) == 64 and file.size_bytes > 0 for file in files)
    in_lib = {(file.group, file.artifact) for file in files if file.place == "lib"}
    assert not [file for file in files if file.place != "lib" and (file.group, file.artifact) in in_lib]


def test_a_second_start_needs_no_network(engine, no_network, call):
    with start_engine("opensearch-2.19", progress=_refuse) as second:
        assert call(second, "GET", "/")[0] == 200


def _refuse(what: str, done: int, total: int) -> None:
    raise AssertionError(f"a second start does nothing but start: {what}")


def test_a_first_start_without_network_says_what_is_missing(empty_cache: Path, no_network):
    with pytest.raises(ArtifactError, match="Could not download .*Check the network"):
        start_engine("opensearch-2.19", progress=quiet)
    assert not (empty_cache / "homes").exists()
