"""The Containerfile, as far as it can be held without an engine that builds it."""

import asyncio
import json
import re
import subprocess
import sys
import time
import tomllib
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deploy.local.ports import free_port
from streams.settings import WebSettings, read_settings
from streams.step import Step
from streams.web import Web

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/container/Containerfile"
TEXT = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
LAST = TEXT.rpartition("\nFROM ")[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def said(instruction: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^{instruction} (.*)$", text, re.MULTILINE)


def copied() -> list[str]:
    return [source for line in said("COPY") if not line.startswith("--from") for source in line.split()[:-1]]


def image_env() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in said("ENV", LAST) for pair in line.split())


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    ran = subprocess.run([hadolint, "--no-color", "--failure-threshold", "style", FILE], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_reaches_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_all_that_the_wheel_is_made_of_is_copied() -> None:
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(copied())
    assert {PROJECT["project"]["readme"], "LICENSE", "pyproject.toml", "constraints.txt"} <= set(copied())


def test_both_stages_begin_with_one_pinned_release_of_our_python() -> None:
    first, second = (line.split()[0] for line in said("FROM"))
    assert first == second
    wanted = PROJECT["project"]["requires-python"].removeprefix("==").removesuffix("*")
    assert re.fullmatch(rf"python:{re.escape(wanted)}\d+-slim-[a-z]+", first)


def test_every_package_is_held_by_the_constraints() -> None:
    installs = [line for line in re.split(r"&&|\n", TEXT) if "pip" in line and " install " in line]
    assert len(installs) == 3
    assert all("-c constraints.txt" in line for line in installs)


def test_the_label_has_the_version() -> None:
    assert f'org.opencontainers.image.version="{PROJECT["project"]["version"]}"' in LAST


def test_it_runs_as_a_number_that_is_not_root() -> None:
    (user,) = said("USER", LAST)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_its_environment_is_of_settings_and_of_the_port_that_it_exposes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {name: value for name, value in image_env().items() if name.startswith("ONCOSTREAM_")}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert ours.keys() == {"ONCOSTREAM_HOME", "ONCOSTREAM_WEB_HOST", "ONCOSTREAM_WEB_PORT"}
    assert said("EXPOSE", LAST) == [str(settings.web.port)]
    assert said("WORKDIR", LAST) == [str(settings.places.home)]


@pytest.mark.parametrize(("seconds", "code"), [(0, 0), (601, 1)], ids=["progressing", "stuck"])
def test_the_health_check_tells_a_worker_that_goes_on_from_a_stuck_one(seconds: float, code: int) -> None:
    (line,) = said("HEALTHCHECK")
    command = json.loads(line.partition("CMD ")[2])
    port = free_port()
    # A proxy that is not there: one that an engine hands to its containers does not know their 127.0.0.1.
    env = {**image_env(), "ONCOSTREAM_WEB_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    step = cast(Step, SimpleNamespace(role="any", begun_at=time.monotonic() - seconds))

    async def check() -> int:
        web: Any = Web(WebSettings(port=port, stuck_after=timedelta(minutes=10)), [step], lambda: True)
        await web.start()
        try:
            ran = await asyncio.create_subprocess_exec(sys.executable, *command[1:], env=env, stderr=subprocess.DEVNULL)
            return await ran.wait()
        finally:
            await web.stop()

    assert command[0] == "python"
    assert asyncio.run(check()) == code
