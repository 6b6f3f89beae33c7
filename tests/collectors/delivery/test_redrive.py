"""Dead letters replayed from the original objects, and the command that lists, shows and replays them."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta

import pytest

import aws_siem_bridge
from aws_bridge.object_ref import ObjectRef
from collectors.delivery.dead_letters import OBJECT_GONE, DeadLetter
from collectors.delivery.redrive import redrive
from collectors.reading.recognise import kind_of
from tests.collectors.shelf import BUCKET, KEY, done, lines, query

_days = itertools.count()


@pytest.fixture
def day():
    """Return a day of its own for every test, in the past: the command takes no events from far ahead."""
    return date(1990, 1, 1) + timedelta(days=2 * next(_days))


def again(shelf, **which):
    return list(redrive(shelf.letters.iterate(**which), shelf.letters, shelf.intake()))


def test_when_the_index_is_writable_again_the_records_are_stored_and_the_letters_gone(shelf, day, index):
    texts = [query(n, day) for n in range(1, 41)]
    done(shelf.take(shelf.put(lines(*texts[:3]))))
    shelf.transport.request("PUT", (index, "_settings"), body={"index.blocks.write": True})
    ref = shelf.put(lines(*texts, "{broken"))
    assert done(shelf.take(ref))["dead"] == 41
    shelf.transport.request("PUT", (index, "_settings"), body={"index.blocks.write": False})
    (answer,) = again(shelf)
    assert (answer.ref.uri, answer.letters, answer.stored, answer.refused, answer.kept) == (ref.uri, 41, 41, 0, 0)
    assert answer.texts == 1
    assert shelf.stored(index, ref) == list(range(1, 41))
    assert shelf.dead() == []


def test_only_the_records_concerned_are_sent(shelf, day, index):
    shelf.transport.request("PUT", (index,), body={"mappings": {"properties": {"vpc_id": {"type": "integer"}}}})
    ref = shelf.put(lines(*(query(n, day, vpc_id="x" if n in (7, 9) else 1) for n in range(1, 21))))
    assert done(shelf.take(ref))["dead"] == 2
    shelf.transport.request("DELETE", (index,))
    (answer,) = again(shelf)
    assert (answer.stored, answer.refused, answer.kept) == (2, 0, 0)
    assert shelf.stored(index, ref) == [7, 9]
    assert shelf.dead() == []


def test_letters_of_an_object_that_is_gone_are_all_that_is_left_and_stay(shelf, day):
    ref = shelf.put(lines(query(1, day), "{broken"))
    assert done(shelf.take(ref))["dead"] == 1
    (shelf.folder / KEY).unlink()
    (answer,) = again(shelf)
    assert (answer.stored, answer.kept) == (0, 1)
    assert "is not there" in answer.reason
    letters = shelf.dead()
    assert [letter.number for letter in letters] == [0, 1 + 1]
    assert letters[0].error_type == OBJECT_GONE
    assert letters[1].excerpt == b"{broken"


def test_letters_of_records_that_a_shorter_object_no_longer_holds_stay(shelf, day):
    ref = shelf.put(lines("{", query(2, day), "{"))
    assert done(shelf.take(ref))["dead"] == 2
    shelf.put(lines(query(1, day)))
    (answer,) = again(shelf)
    assert (answer.kept, answer.reason) == (2, "the object holds only 1 of these 2 records")
    assert [letter.number for letter in shelf.dead()] == [1, 3]


def test_an_object_that_was_cut_short_is_taken_whole_when_it_is_whole(shelf, day, index):
    whole = lines(*(query(n, day) for n in range(1, 501)))
    ref = shelf.put(whole[: len(whole) // 2])
    assert shelf.take(ref).stored < 500
    (answer,) = again(shelf)  # it is still cut short
    assert (answer.stored, answer.refused) == (0, 1)
    shelf.put(whole)
    (answer,) = again(shelf)
    assert (answer.stored, answer.refused, answer.kept) == (1, 0, 0)
    assert shelf.stored(index, ref) == list(range(1, 501))
    assert shelf.dead() == []


def test_an_object_that_was_taken_for_another_log_is_recognised_anew(shelf, day, index):
    ref = shelf.put(lines(query(1, day), query(2, day)))
    shelf.take(ref, dataset="cloudtrail")
    assert [letter.dataset for letter in shelf.dead()] == ["cloudtrail"]
    (answer,) = again(shelf)
    assert (answer.letters, answer.stored, answer.refused, answer.kept) == (1, 1, 0, 0)
    assert shelf.stored(index, ref) == [1, 2]
    assert shelf.dead() == []


def test_an_object_that_is_still_no_log_leaves_one_letter_under_what_it_is_taken_for_now(shelf, day):
    shelf.take(shelf.put(b"nonsense", "x"), dataset="cloudtrail")
    (answer,) = again(shelf)
    assert (answer.letters, answer.refused) == (1, 1)
    assert [(letter.dataset, letter.number) for letter in shelf.dead()] == [("unknown", 0)]


def test_an_object_with_a_record_that_is_refused_does_not_count_as_stored(shelf, day, index):
    shelf.transport.request("PUT", (index,), body={"mappings": {"properties": {"vpc_id": {"type": "integer"}}}})
    ref = shelf.put(lines(query(1, day, vpc_id=1), query(2, day, vpc_id="x")))
    shelf.take(ref, dataset="cloudtrail")
    (answer,) = again(shelf)
    assert (answer.letters, answer.stored, answer.refused, answer.kept) == (1, 0, 1, 0)
    assert "1 of its records" in answer.reason
    assert shelf.stored(index, ref) == [1]
    assert [letter.number for letter in shelf.dead()] == [2]


def test_an_object_that_cannot_be_read_now_keeps_its_letters(shelf, day):
    ref = shelf.put(lines(query(1, day), "{"))
    assert done(shelf.take(ref))["dead"] == 1
    packed = bytearray((shelf.folder / KEY).read_bytes())
    packed[-6] ^= 0xFF
    shelf.put(bytes(packed))
    (answer,) = again(shelf)
    assert answer.kept == 1
    assert [letter.number for letter in shelf.dead()] == [2]


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(shelf, engine, capsys):
    """Return a function that runs ``aws-siem-bridge dlq`` and gives its status and what it said."""

    def command(name, *options):
        argv = ["dlq", name, str(shelf.letters_folder), *options]
        if name == "redrive":
            argv += ["--url", engine.url, "--objects", str(shelf.folder), "--as", f"s3://{BUCKET}"]
        capsys.readouterr()
        status = aws_siem_bridge.main(argv)
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def letters(shelf, day):
    """Put five letters of two objects into the store."""
    shelf.put(lines("{one\x1b[2J", query(2, day), "{three", "{four"))
    shelf.put(lines("{other"), "vpcdnsquerylogs/other.gz")
    for ref in (shelf.objects.ref(shelf.folder / KEY), shelf.objects.ref(shelf.folder / "vpcdnsquerylogs/other.gz")):
        done(shelf.take(ref))
    assert kind_of(KEY).dataset == "route53_resolver"
    return shelf.dead()


def test_list_names_every_letter_and_pages(run, letters):
    status, out, _ = run("list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["id", *(letter.id for letter in letters)]
    assert "bad_record" in out
    status, out, said = run("list", "--limit", "3")
    assert len(out.splitlines()) == 1 + 3
    after = said.split("--after ")[1].strip()
    assert run("list", "--after", after)[1].splitlines()[1].split()[0] == letters[3].id
    assert [each["id"] for each in json.loads(run("list", "--format", "json")[1])] == [letter.id for letter in letters]
    assert run("list", "--format", "csv")[1].splitlines()[0].startswith("id,object,machine,file,version,record,offset,")
    assert run("list", "--limit", "0")[0] == 2


def test_list_filters_and_speaks_json(run, letters):
    source = f"s3://{BUCKET}/vpcdnsquerylogs/"
    _, out, _ = run("list", "--format", "jsonl", "--source", source, "--dataset", "route53_resolver", "--since", "-1h")
    (fact,) = map(json.loads, out.splitlines())
    assert (fact["object"], fact["record"], fact["excerpt"]) == (source + "other.gz", 1, "{other")
    assert "no dead letter" in run("list", "--dataset", "waf")[2]
    assert run("list", "--since", "+1h")[1] == ""


def test_an_id_that_is_none_is_said_before_anything_is_done(run, letters, shelf):
    status, out, said = run("redrive", letters[0].id, "route53_resolver/AAAAAAAAAAAAAAAA/17")
    assert (status, out) == (1, "")
    assert "no dead letter route53_resolver/AAAAAAAAAAAAAAAA/17 in " in said
    assert "nothing was done" in said and "not finished" not in said
    assert shelf.dead() == letters


def test_show_explains_a_letter_and_sends_no_control_characters(run, letters):
    first = next(letter for letter in letters if letter.key == KEY)
    status, out, _ = run("show", first.id)
    assert status == 0
    assert f"object      s3://{BUCKET}/{KEY}" in out
    assert "\x1b" not in out
    assert "{one\\x1b[2J" in out
    assert run("show", first.place)[1].count("reason") == 3
    assert json.loads(run("show", first.id, "--format", "json")[1])[0]["excerpt"] == "{one\x1b[2J"
    assert run("show", first.place + "/99")[0] == 1
    assert run("show", "nonsense")[0] == 1


def test_redrive_stores_what_can_be_stored_and_names_what_is_left(run, shelf, letters, day, index):
    shelf.put(lines(query(1, day), query(2, day), query(3, day), "{four"))
    (shelf.folder / "vpcdnsquerylogs/other.gz").unlink()
    status, out, said = run("redrive")
    assert status == 1
    assert [line.split()[-1] for line in out.splitlines()[1:]] == ["3", "0", "1"]
    assert out.startswith("4 letters of 2 objects")
    assert f"s3://{BUCKET}/vpcdnsquerylogs/other.gz: 0 of 1 stored" in said
    assert "1 of what is stored are no records. Their text is found with event.kind:pipeline_error" in said
    assert "'dlq dismiss' removes letters that nothing more will come of" in said
    assert shelf.stored(index, shelf.objects.ref(shelf.folder / KEY)) == [1, 2, 3]
    assert sorted((letter.key, letter.number) for letter in shelf.dead()) == [
        ("vpcdnsquerylogs/other.gz", 0),
        ("vpcdnsquerylogs/other.gz", 1),
    ]


def test_dismiss_removes_the_letters_named_and_prints_each(run, shelf, letters):
    first, other = letters[0], next(letter for letter in letters if letter.place != letters[0].place)
    status, out, said = run("dismiss", first.id)
    assert (status, [json.loads(line)["id"] for line in out.splitlines()]) == (0, [first.id])
    assert "letters removed: 1." in said
    assert [letter.id for letter in shelf.dead()] == [letter.id for letter in letters if letter.id != first.id]
    assert run("dismiss", other.place)[0] == 0
    left = [letter.id for letter in letters if letter.place != other.place and letter.id != first.id]
    assert [letter.id for letter in shelf.dead()] == left
    status, out, said = run("dismiss", other.id)
    assert (status, out) == (1, "") and "nothing was done" in said
    status, out, said = run("dismiss")
    assert (status, out) == (2, "") and "--error-type" in said
    assert [letter.id for letter in shelf.dead()] == left


def test_dismiss_by_kind_leaves_the_others(run, shelf, letters, day):
    shelf.take(ObjectRef(BUCKET, "vpcdnsquerylogs/gone.gz"))
    many = shelf.put(lines(*["{"] * 9), "vpcdnsquerylogs/many.gz")
    shelf.take(many, most_letters=2)
    assert run("list", "--error-type", "object_gone")[1].count("\n") == 2
    assert run("dismiss", "--error-type", "object_gone", "--dataset", "waf")[1] == ""
    status, out, _ = run("dismiss", "--error-type", "object_gone")
    (gone,) = map(json.loads, out.splitlines())
    assert (status, gone["error_type"]) == (0, "object_gone")
    assert run("dismiss", f"route53_resolver/{many.identity}/3+")[0] == 0
    assert [letter.number for letter in shelf.dead() if letter.key == many.key] == [1, 2]
    assert run("dismiss", "--error-type", "bad_record", "--source", f"s3://{BUCKET}/vpcdnsquerylogs/many")[0] == 0
    assert shelf.dead() == letters


def test_a_letter_written_since_it_was_listed_is_not_dismissed(shelf, letters):
    first = letters[0]
    shelf.letters.remove(first.place, {first.number: first.time_ms - 1})
    assert shelf.dead() == letters


def test_redrive_takes_only_the_letters_named_and_ends_well_when_all_are_stored(run, shelf, letters, day, index):
    shelf.put(lines(query(1, day), query(2, day), query(3, day), query(4, day)))
    place = next(letter for letter in letters if letter.key == KEY).place
    assert run("redrive", place + "/3", place + "/1")[0] == 0
    assert sorted(letter.id for letter in shelf.dead()) == sorted(
        letter.id for letter in letters if letter.id not in (place + "/1", place + "/3")
    )
    assert run("redrive", place)[0] == 0
    assert run("redrive", place)[0] == 1  # no such letter any more
    assert [letter.key for letter in shelf.dead()] == ["vpcdnsquerylogs/other.gz"]


def test_redrive_without_a_cluster_keeps_everything(shelf, letters, capsys):
    argv = ["dlq", "redrive", str(shelf.letters_folder), "--objects", str(shelf.folder)]
    assert aws_siem_bridge.main([*argv, "--url", "http://127.0.0.1:1"]) == 1
    assert "--objects and --as belong together" in capsys.readouterr().err
    assert shelf.dead() == letters


# --- letters about files of this machine ------------------------------------------------------------------------------


@pytest.fixture
def dlq(engine, capsys, monkeypatch):
    """Return a function that runs ``aws-siem-bridge`` where no S3 is, and gives its status and what it said."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    def command(*argv):
        capsys.readouterr()
        status = aws_siem_bridge.main([*argv, "--url", engine.url] if argv[1] == "redrive" else [*argv])
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def filed(tmp_path, engine, day, index, shelf, capsys):
    """Load a file with a bad record, whose letter is then in a folder."""
    path = tmp_path / "copied" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(lines(query(1, day), "{broken"))

    def load(*options):
        place = ("--dead-letters", str(shelf.letters_folder))
        assert aws_siem_bridge.main(["load", str(tmp_path / "copied"), *options, *place, "--url", engine.url]) == 0
        return path

    return load


@pytest.mark.parametrize("options", [(), ("--as", f"s3://{BUCKET}")], ids=["by itself", "as a bucket's"])
def test_letters_about_files_are_replayed_from_the_files(shelf, day, index, dlq, filed, options):
    path = filed(*options)
    (letter,) = shelf.dead()
    assert (letter.path, letter.ref.path) == (str(path), str(path))
    status, out, _ = dlq("dlq", "show", str(shelf.letters_folder), letter.id)
    assert status == 0
    assert f"file        {path}" in out
    assert "s3://file:" not in out
    path.write_bytes(lines(query(1, day), query(2, day)))
    status, out, _ = dlq("dlq", "redrive", str(shelf.letters_folder))
    assert (status, out.split()[0]) == (0, "1")
    assert shelf.stored(index, letter.ref) == [1, 2]
    assert shelf.dead() == []


def test_a_file_that_is_gone_or_on_another_machine_is_named_and_its_letter_stays(
    shelf, day, index, dlq, filed, tmp_path, monkeypatch
):
    path = filed()
    before = shelf.dead()
    moved = path.rename(path.with_name("moved.gz"))
    status, _, said = dlq("dlq", "redrive", str(shelf.letters_folder))
    assert status == 1
    assert f"the file {path} is not there" in said
    moved.rename(path)
    monkeypatch.setattr("collectors.delivery.dead_letters.this_host", lambda: "elsewhere")
    status, _, said = dlq("dlq", "redrive", str(shelf.letters_folder))
    assert status == 1
    assert f"the file {before[0].host}:{path} is not there" in said
    assert shelf.dead() == before  # and no letter that it is gone
    copy = tmp_path / "brought" / KEY
    copy.parent.mkdir(parents=True)
    copy.write_bytes(lines(query(1, day), query(2, day)))
    assert dlq("dlq", "redrive", str(shelf.letters_folder), "--objects", str(tmp_path / "brought"))[0] == 0
    assert shelf.stored(index, before[0].ref) == [1, 2]


def test_a_letter_of_an_older_version_finds_its_file_by_its_key(shelf, day, index, dlq, tmp_path):
    path = tmp_path / "vpcdnsquerylogs_a.log"
    path.write_bytes(lines("{"))
    ref = ObjectRef("file:", path.as_posix())
    shelf.letters.add([DeadLetter("route53_resolver", *ref[:3], 1, 0, "no", "bad_record", b"{", 1)])
    path.write_bytes(lines(query(1, day)))
    assert dlq("dlq", "redrive", str(shelf.letters_folder))[0] == 0
    assert shelf.stored(index, ref) == [1]


def test_every_sub_command_has_examples(capsys):
    for name in ("list", "show", "redrive", "dismiss"):
        with pytest.raises(SystemExit) as ended:
            aws_siem_bridge.main(["dlq", name, "--help"])
        assert ended.value.code == 0
        assert "aws-siem-bridge dlq redrive" in capsys.readouterr().out
