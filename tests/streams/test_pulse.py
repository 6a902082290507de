import asyncio
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest

from streams.pulse import Pulse


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("gaps", "lapses"),
    [
        pytest.param([], 0, id="just-begun"),
        pytest.param([6.0, 6.0, 6.0], 0, id="exactly-a-session-is-no-lapse"),
        pytest.param([6.1], 1, id="longer-than-a-session"),
        pytest.param([0.5, 12.0, 0.5, 3600.0], 2, id="each-sleep-counts-once"),
        pytest.param([-5.0, 6.0], 0, id="from-the-last-beat-on"),
    ],
)
def test_a_lapse_is_a_gap_longer_than_the_session(gaps: list[float], lapses: int) -> None:
    clock = Clock()
    pulse = Pulse(timedelta(seconds=6), clock)
    for gap in gaps:
        clock.now += gap
        pulse.beat()
    assert pulse.lapses == lapses


def test_asking_notices_a_lapse_that_no_beat_has_seen_yet() -> None:
    clock = Clock()
    pulse = Pulse(timedelta(seconds=6), clock)
    clock.now += 7
    assert pulse.lapses == 1
    assert pulse.lapses == 1


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no program here that makes a time namespace")
def test_the_time_that_a_machine_is_suspended_counts() -> None:
    """In a time namespace the clock that goes on meanwhile can be put far ahead of the one that stops."""
    away = ("unshare", "--time", "--boottime", "1000000", sys.executable, "-c")
    if subprocess.run((*away, ""), check=False, capture_output=True).returncode != 0:
        pytest.skip("no time namespace may be made here")
    program = "import time; from streams.pulse import unsuspended; print(unsuspended() - time.monotonic())"
    told = subprocess.run((*away, program), check=True, capture_output=True, text=True).stdout
    assert float(told) == pytest.approx(1_000_000, abs=60)


def test_a_kept_pulse_beats_by_itself() -> None:
    async def live() -> int:
        clock, beaten = Clock(), asyncio.Event()

        def a_moment_later() -> float:
            clock.now += 0.01
            if clock.now > 100.2:
                beaten.set()
            return clock.now

        pulse = Pulse(timedelta(seconds=0.015), a_moment_later)
        keeping = asyncio.create_task(pulse.keep())
        await asyncio.wait_for(beaten.wait(), timeout=60)
        keeping.cancel()
        return pulse.lapses

    assert asyncio.run(live()) == 0
