"""Every command against a real broker, cache and worker."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis
from typed import typed

from agents.cli import COMMANDS, loaded
from agents.commands.up import start_detached, up
from agents.exits import AskedWrongly, Away
from deploy.local.claim import Claim
from deploy.local.servers import owner_of
from model.cohorts.synthetic import write_synthetic
from schemas.result import Result
from streams.kafka import writer
from streams.opened import opened
from streams.topics import named

MAIN = (sys.executable, "-c", "from agents.cli import main; main()")


class Command:
    """Runs `oncostream` as its users do."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env

    def __call__(self, *args: str, code: int = 0, **env: str) -> str:
        done = subprocess.run(
            (*MAIN, *args), env=self.env | env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, (done.stdout + done.stderr)[-2000:]
        self.err = done.stderr
        return done.stdout

    def rows(self, *args: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*args, "--json").splitlines()]


@contextmanager
def worker(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen((*MAIN, "run"), env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_itself_what_the_list_says_of_it(name: str) -> None:
    assert (loaded(name).help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name].line


def test_the_list_of_commands_is_there_without_loading_any() -> None:
    command = (sys.executable, "-X", "importtime", *MAIN[1:], "--help")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []
    assert "agents.exits" in done.stderr
    assert "agents.commands" not in done.stderr


@pytest.mark.parametrize("group", ["cohort", "dead-letters"])
def test_a_group_offers_no_completion_that_the_whole_does_not_have(group: str) -> None:
    assert "completion" not in Command(dict(os.environ))(group, "--help")


@pytest.mark.slow
def test_a_cohort_goes_the_whole_road_by_commands_alone(fresh_settings: Any, tmp_path: Path) -> None:
    command = Command(fresh_settings.env | {"ONCOSTREAM_TRIGGER_DEADLINE": "PT2S"})
    assert "missing" in command("doctor", code=4)
    command("doctor", "--create-topics")
    assert {row["state"] for row in command.rows("doctor") if row["check"] in ("topics", "kafka")} == {"well"}
    write_synthetic(tmp_path / "cohort", patients=6, seed=3, flawed=True)
    with worker(command.env, tmp_path / "worker.log"):
        assert re.match(r"sent \d+ events", command("send", str(tmp_path / "cohort")))
        assert "ONCOSTREAM_FILES_ALLOW" not in command.err
        command("status", "--wait", "100", "--json")
        _check_status(command)
        patients = _check_results(command)
        _check_replay(command)
        _check_dead_letters(command)
        _check_rebuild(command, fresh_settings.env, patients)


def _check_status(command: Command) -> None:
    addresses, *roles, last = command.rows("status")
    assert addresses["kafka"] == command.env["ONCOSTREAM_KAFKA"]
    assert [row["role"] for row in roles] == ["clinical", "imaging", "genomic", "assembly", "inference", "fhir"]
    assert {row["lag"] for row in roles} == {0}
    assert last["waiting"] == 0
    assert last["dead_letters"] == len(command.rows("dead-letters", "list")) > 0


def _check_results(command: Command) -> list[str]:
    lines = command("results", "--json").splitlines()
    said = [Result.model_validate_json(line) for line in lines]
    assert [result.to_json().decode() for result in said] == lines
    patients = [result.patient for result in said]
    assert len(patients) == len(set(patients)) == 7  # six, and the one whose file is broken
    (only,) = command("results", "--patient", patients[0]).splitlines()
    assert only.startswith(f"{patients[0]}  {said[0].history.status.value} r{said[0].history.revision}")
    return patients


def _check_replay(command: Command) -> None:
    name = command.rows("results")[0]["id"]
    assert "same bytes" in command("replay", name)
    told = json.loads(command("replay", name, "--json", code=1, ONCOSTREAM_PREDICT_THRESHOLD="0.2"))
    assert not told["same"]
    assert "provenance.settings_sha256" in told["differences"]
    command("replay", "no-such-id", code=2)


def _check_dead_letters(command: Command) -> None:
    letters = command.rows("dead-letters", "list")
    first = next(row for row in letters if row["reason"] == "hash-mismatch")
    second = next(row for row in letters if row["reason"] == "not-json")
    assert "value" not in json.loads(command("dead-letters", "show", first["id"], "--json"))
    assert "value" in json.loads(command("dead-letters", "show", first["id"], "--payload", "--json"))
    assert re.search(r"^mark +-$", command("dead-letters", "show", first["id"]), re.MULTILINE)
    assert "dismissed 1 letters, 1 sources" in command("dead-letters", "dismiss", first["id"])
    command("dead-letters", "replay", second["id"])
    command("status", "--wait", "60")
    waiting = {row["id"]: row for row in command.rows("dead-letters", "list")}
    assert not {first["id"], second["id"]} & waiting.keys()
    again = [row for row in waiting.values() if row["first_failure"] > second["first_failure"]]
    assert [row["reason"] for row in again if row["detail"] == second["detail"]] == [second["reason"]]
    everything = [json.loads(row) for row in command("dead-letters", "list", "--all", "--json").splitlines()]
    marks = {row["id"]: row["mark"] for row in everything}
    assert (marks[first["id"]], marks[second["id"]]) == ("dismissed", "replayed")
    command("dead-letters", "replay", "no/0/0", code=2)


def _check_rebuild(command: Command, env: dict[str, str], patients: list[str]) -> None:
    before = command("results", "--json")
    prefix = env["ONCOSTREAM_KAFKA_PREFIX"]
    with Redis.from_url(env["ONCOSTREAM_REDIS"]) as redis:
        stored = {key: redis.hgetall(key) for key in redis.scan_iter(f"{prefix}*:patient:*")}
        assert len(stored) == len(patients)
        redis.delete(*stored, *redis.scan_iter(f"{prefix}*:applied"))
        assert command("rebuild").startswith("rebuilt 4 partitions")
        command("status", "--wait", "60")
        rebuilt = {key: redis.hgetall(key) for key in redis.scan_iter(f"{prefix}*:patient:*")}
    assert _pictures(rebuilt) == _pictures(stored)
    assert command("results", "--json") == before


def _pictures(stored: dict[bytes, dict[bytes, bytes]]) -> dict[bytes, dict[bytes, bytes]]:
    return {
        key: {name: value for name, value in fields.items() if not name.startswith(b"#")}
        for key, fields in stored.items()
    }


@pytest.mark.slow
def test_results_followed_come_as_they_are_said_and_end_with_an_interrupt(fresh_settings: Any, tmp_path: Path) -> None:
    command = Command(fresh_settings.env)
    command("doctor", "--create-topics")
    follower = subprocess.Popen(
        (*MAIN, "results", "--follow", "--json"), env=command.env, stdout=subprocess.PIPE, text=True
    )
    write_synthetic(tmp_path / "cohort", patients=2, seed=5)
    with worker(command.env, tmp_path / "worker.log"):
        command("send", str(tmp_path / "cohort"), "--rate", "500")
        assert follower.stdout is not None
        line = follower.stdout.readline()
    assert Result.model_validate_json(line).history.revision == 1
    follower.send_signal(signal.SIGINT)
    assert follower.wait(timeout=20) == 0


@pytest.mark.slow
def test_without_a_worker_nothing_settles_and_that_is_exit_3(fresh_settings: Any, tmp_path: Path) -> None:
    command = Command(fresh_settings.env | {"ONCOSTREAM_FILES_ALLOW": "/nowhere"})
    command("doctor", "--create-topics", code=4)
    write_synthetic(tmp_path / "cohort", patients=2, seed=5)
    command("send", str(tmp_path / "cohort"))
    assert f"ONCOSTREAM_FILES_ALLOW={tmp_path / 'cohort'}" in command.err
    rows = [json.loads(line) for line in command("status", "--wait", "1", "--json", code=3).splitlines()]
    assert rows[1]["lag"] > 0
    assert command("results") == ""
    assert command("results", "--patient", "nobody", "--json") == ""
    assert command.err == "oncostream: no result of this patient is there; `oncostream status` shows what waits\n"


@pytest.mark.slow
@pytest.mark.parametrize("args", [("status",), ("results",), ("replay", "x"), ("rebuild",), ("dead-letters", "list")])
def test_a_broker_that_is_away_is_exit_4_and_one_line(args: tuple[str, ...]) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ONCOSTREAM_")}
    command = Command(env | {"ONCOSTREAM_KAFKA": "127.0.0.1:1"})
    assert command(*args, code=4) == ""
    assert len(command.err.splitlines()) == 1


@pytest.mark.slow
def test_commands_find_the_worker_of_their_home(fresh_settings: Any, tmp_path: Path) -> None:
    env = dict(fresh_settings.env)
    Command(env)("doctor", "--create-topics")
    home = Path(env["ONCOSTREAM_HOME"])
    home.mkdir()
    note = {
        "pid": os.getpid(),
        "metrics": "http://127.0.0.1:9/metrics",
        "kafka": env.pop("ONCOSTREAM_KAFKA"),
        "redis": env.pop("ONCOSTREAM_REDIS"),
        "prefix": env.pop("ONCOSTREAM_KAFKA_PREFIX"),
    }
    (home / "worker.json").write_text(json.dumps(note))
    addresses, *_ = Command(env).rows("status")
    assert addresses == {name: note[name] for name in ("kafka", "redis", "metrics")}


def test_a_wrong_setting_is_exit_2_and_one_line(tmp_path: Path) -> None:
    command = Command({**os.environ, "ONCOSTREAM_KAFKA_PARTITIONS": "none"})
    command("status", code=2)
    assert "ONCOSTREAM_KAFKA_PARTITIONS" in command.err
    assert len(command.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["up", "demo", "down"])
@pytest.mark.slow
def test_a_local_installation_reads_its_settings_as_every_command_does(tmp_path: Path, command: str) -> None:
    said = Command({**os.environ, "ONCOSTREAM_HOME": str(tmp_path), "ONCOSTREAM_INPUT_KEY": "sometimes"})
    said(command, code=2)
    assert said.err.startswith("oncostream: ONCOSTREAM_INPUT_KEY: found 'sometimes'")


@pytest.mark.parametrize(("setting", "value"), [("MODEL", "nowhere"), ("FILES_ALLOW", "data")])
@pytest.mark.parametrize("args", [(), ("--detach",)])
@pytest.mark.slow
def test_up_says_what_is_set_wrong_before_it_starts_anything(
    tmp_path: Path, args: tuple[str, ...], setting: str, value: str
) -> None:
    command = Command({**os.environ, "ONCOSTREAM_HOME": str(tmp_path), f"ONCOSTREAM_{setting}": value})
    command("up", *args, code=2)
    assert f"ONCOSTREAM_{setting}" in command.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "folder", "remedy"),
    [
        (("up",), "servers", "is up in .* already, or is starting: `oncostream down`"),
        (("up", "--detach"), "servers", "is up in .* already, or is starting: `oncostream down`"),
        (("demo",), "demo", "runs a demonstration in .* already: end it with Ctrl-C"),
    ],
)
def test_what_is_up_already_is_named_with_the_command_that_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], folder: str, remedy: str
) -> None:
    monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path))
    claim = Claim(tmp_path / folder / "cache")
    claim.take()
    try:
        done = typed(*args, code=2)
    finally:
        claim.release()
    assert re.fullmatch(f"oncostream: process {os.getpid()} {remedy}.* ONCOSTREAM_HOME.*\n", done.stderr)
    assert not (tmp_path / "up.log").exists()


@pytest.mark.parametrize(
    "args",
    [
        ("results", "--patient"),
        ("replay",),
        ("dead-letters", "show"),
        ("send", "cohort", "--patient"),
        ("demo", "--redis", "redis://127.0.0.1:1", "--kafka"),
        ("train", "cohort", "--out", "x", "--name"),
        ("schemas",),
    ],
)
def test_an_argument_that_is_not_utf_8_is_exit_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = typed(*args, "a\udcff", code=2)
    told = f"argument {len(args) + 1}, b'a\\xff', is not UTF-8; a file so called: rename it"
    assert done.stderr == f"oncostream: {told}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "refusal", "told"),
    [
        (2, AskedWrongly, r"it ended at once; the reason is at the end of .*up\.log"),
        (4, Away, r"it ended at once; the reason is at the end of .*up\.log"),
        (1, Away, r"it ended at once; the reason is at the end of .*up\.log"),
        (130, Away, "it was ended while it started"),
    ],
)
def test_up_detached_fails_as_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, refusal: type[Exception], told: str
) -> None:
    ends = tmp_path / "ends"
    ends.write_text(f"#!/bin/sh\nexit {code}\n")
    ends.chmod(0o755)
    monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", [str(ends)])
    with pytest.raises(refusal, match=told):
        up(detach=True)


@pytest.mark.slow
@pytest.mark.parametrize("deaf", [False, True], ids=["ends-when-told", "must-be-killed"])
def test_up_detached_leaves_nothing_behind_that_does_not_come_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    hangs, told = tmp_path / "hangs", tmp_path / "told"
    ends = "" if deaf else "exit 130"
    hangs.write_text(
        f"#!/bin/sh\ntrap 'echo >{told}; {ends}' INT\necho $$ >{tmp_path}/pid\nwhile :; do sleep 0.1; done\n"
    )
    hangs.chmod(0o755)
    monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", [str(hangs)])
    with pytest.raises(Away, match=r"not up within 1 s and was ended; its log is .*up\.log"):
        start_detached(1, grace_seconds=2)
    assert told.exists()
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_down_ends_a_start_that_has_no_note_yet(tmp_path: Path, java_environ: dict[str, str]) -> None:
    command = Command({**java_environ, "ONCOSTREAM_HOME": str(tmp_path)})
    lock = tmp_path / "servers" / "cache" / "lock"
    with (tmp_path / "up.log").open("wb") as log:
        starting = subprocess.Popen((*MAIN, "up"), env=command.env, stdout=log, stderr=log, preexec_fn=_deaf)
    try:
        until = time.monotonic() + 60
        while not (lock.exists() and lock.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        assert not (tmp_path / "worker.json").exists()
        assert command("down") == ""
        assert starting.poll() is not None
    finally:
        starting.kill()
        starting.wait()
    assert owner_of(tmp_path / "servers") is None
    assert [process for process in psutil.process_iter(["cmdline"]) if _names(process, tmp_path)] == []
    assert "Traceback" not in (tmp_path / "up.log").read_text()
    assert "nothing is up here" in command("down", code=2) + command.err


def _deaf() -> None:
    """As a script's background jobs are."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _names(process: psutil.Process, home: Path) -> bool:
    return any(str(home) in argument for argument in process.info["cmdline"] or ())


@pytest.mark.slow
def test_down_clears_the_note_of_a_worker_that_is_gone_and_asks_nobody_else_to_end(tmp_path: Path) -> None:
    command = Command({**os.environ, "ONCOSTREAM_HOME": str(tmp_path)})
    with subprocess.Popen(("sleep", "60"), stdin=subprocess.DEVNULL) as stranger:
        note = {"pid": stranger.pid, "metrics": "m", "kafka": "k", "redis": "r", "started": 1.0}
        (tmp_path / "worker.json").write_text(json.dumps(note))
        command("down")
        assert stranger.poll() is None
        stranger.kill()
    assert not (tmp_path / "worker.json").exists()


@pytest.mark.slow
def test_the_home_of_a_local_installation_may_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'[places]\nhome = "{tmp_path / "afar"}"\n')
    env = {name: value for name, value in os.environ.items() if name != "ONCOSTREAM_HOME"}
    command = Command(env | {"ONCOSTREAM_CONFIG": str(tmp_path / "config.toml")})
    command("down", code=2)
    assert str(tmp_path / "afar" / "worker.json") in command.err


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("schemas", "file"), id="a-file-where-a-folder-is-wanted"),
        pytest.param(("schemas", "/proc/nowhere"), id="a-place-where-nothing-can-be-written"),
        pytest.param(("cohort", "synthetic", "file/cohort", "--patients", "2"), id="a-folder-in-a-file"),
        pytest.param(("cohort", "folds", "cohort", "absent/folds.csv", "--folds", "2"), id="a-file-in-no-folder"),
        pytest.param(("cohort", "tcga", "cohort", "new"), id="a-folder-where-a-zip-is-wanted"),
        pytest.param(("train", "cohort", "--out", "file"), id="a-file-where-a-network-is-to-be"),
        pytest.param(
            ("evaluate", "cohort", "--folds", "cohort", "--out", "p.csv"), id="a-folder-where-folds-are-wanted"
        ),
    ],
)
@pytest.mark.slow
def test_a_path_that_cannot_be_used_is_exit_2_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_synthetic(Path("cohort"), patients=6, seed=1, flawed=False)
    Path("file").touch()
    said = typed(*args, code=2).stderr
    assert re.search(r"^oncostream: \S+: [A-Z].*; give a path that can be used so$", said, re.MULTILINE)
    assert "Traceback" not in said


def test_a_command_whose_reader_has_seen_enough_is_done_and_says_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        done = subprocess.run((*MAIN, "schemas", tmp_path), stdout=nobody, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_disk_that_is_full_is_exit_4_and_one_line(tmp_path: Path) -> None:
    """It was a traceback; and of stdout a fault of Kafka's, where the command was reading that."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run((*MAIN, "schemas", tmp_path), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert done.stderr.startswith("oncostream: stdout cannot be written (No space left on device); make space")
    small = ("sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", *MAIN, "schemas", tmp_path / "new")
    done = subprocess.run(small, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "cannot be written: File too large; make space there" in done.stderr


def test_a_command_whose_stdout_is_closed_is_done_all_the_same(tmp_path: Path) -> None:
    closed = ("sh", "-c", 'exec "$@" >&-', "sh", *MAIN, "schemas", tmp_path)
    done = subprocess.run(closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert all(json.loads(path.read_bytes()) for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("encoding", "told"), [("ascii", "caf\\u00e9 \\ud83d\\ude00"), ("latin-1", "café \\ud83d\\ude00")]
)
def test_what_stdout_cannot_spell_is_spelled_as_json_does(tmp_path: Path, encoding: str, told: str) -> None:
    """One … of a dead letter was a traceback."""
    env, folder = {**os.environ, "PYTHONIOENCODING": encoding}, tmp_path / "café 😀"
    done = subprocess.run((*MAIN, "schemas", folder), env=env, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    names = [Path(line).parent.name for line in done.stdout.decode(encoding).splitlines()]
    assert set(names) == {told}
    assert json.loads(f'"{told}"') == folder.name


def test_a_name_with_a_line_or_a_colour_in_it_is_said_in_one_line(tmp_path: Path) -> None:
    done = typed("schemas", "/proc/two\nlines\x1b[31m", code=2)
    assert done.stderr.startswith(r"oncostream: /proc/two\nlines\x1b[31m: No such file")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_is_explained(name: str) -> None:
    command = loaded(name)
    inside = [command, *getattr(command, "commands", {}).values()]
    assert [param.name for each in inside for param in each.params if not param.help] == []


@pytest.mark.slow
def test_schemas_and_cohorts_are_written_without_any_server(tmp_path: Path) -> None:
    command = Command(dict(os.environ))
    assert len(command("schemas", str(tmp_path / "schemas")).splitlines()) == 7
    command("cohort", "synthetic", str(tmp_path / "cohort"), "--patients", "2", "--seed", "1")
    assert (tmp_path / "cohort" / "events.ndjson").exists()
    command("cohort", "synthetic", str(tmp_path / "cohort"), code=2)


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        *[("status", "--wait", value) for value in ("inf", "-inf", "nan", "-1", "1e12", "soon")],
        *[("send", "--rate", value) for value in ("inf", "-inf", "nan", "-1", "0")],
    ],
)
def test_a_number_that_cannot_be_meant_is_exit_2_and_named(command: str, option: str, value: str) -> None:
    said = typed(command, *(("absent.ndjson",) if command == "send" else ()), option, value, code=2).stderr
    assert f"Invalid value for '{option}'" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_replay_passes_over_what_is_no_record_of_ours_and_quotes_none_of_it(fresh_settings: Any) -> None:
    command, settings = Command(fresh_settings.env), fresh_settings.settings
    command("doctor", "--create-topics")

    async def disturb() -> None:
        topics = named(settings.kafka.prefix)
        async with opened(writer(settings.places.kafka, settings.kafka)) as producer:
            for topic in (topics.requests, topics.results):
                await producer.send_and_wait(topic, b'{"id": "r-17", "patient": "Jane Doe"}', b"k")

    asyncio.run(disturb())
    command("replay", "r-17", code=2)
    assert re.search(r"record \d/0 of \S+requests is not a request; passed over", command.err)
    assert "oncostream: no request r-17" in command.err
    assert "Jane" not in command.err
    assert "Traceback" not in command.err
