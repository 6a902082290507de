import socket
import subprocess
import sys
import textwrap

import pytest
from faust.types import TP
from prometheus_client import REGISTRY

from agents.wiring import Role
from agents.worker import Lag, build_worker
from deploy.local.ports import free_port
from streams.settings import WebSettings, WrongSettings, read_settings
from streams.web import require_address

pytestmark = pytest.mark.slow

STUCK = textwrap.dedent("""
    import os, signal, sys, threading
    from mode import Service
    from agents.worker import RoleWorker

    class Reads(Service):
        async def on_started(self):
            threading.Thread(target=threading.Event().wait).start()
            self.loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)

    class Breaks(Service):
        async def on_stop(self):
            raise RuntimeError("and holds nobody up")

    class Ends(Service):
        async def on_stop(self):
            print("ended")

    worker = RoleWorker(Ends(), Breaks(), Reads(), quiet=True, override_logging=False, redirect_stdouts=False)
    worker.gone_within = 4.0
    worker.execute_from_commandline()
    """)
"""A worker in a process of its own, where a thread hangs that nobody can end."""


AWAY = textwrap.dedent("""
    from aiokafka.errors import KafkaConnectionError
    from mode import Service
    from agents.exits import Away
    from agents.worker import RoleWorker

    class Fails(Service):
        async def on_start(self):
            raise KafkaConnectionError("nobody there")

    class Ends(Service):
        async def on_stop(self):
            print("ended")

    worker = RoleWorker(Ends(), Fails(), quiet=True, override_logging=False, redirect_stdouts=False)
    try:
        worker.execute_from_commandline()
    except Away as away:
        print(away)
    """)


def test_a_broker_that_goes_away_while_a_worker_starts_is_away_and_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-uc", AWAY], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    line = "Kafka went away while the worker started (KafkaConnectionError); start it again, or: oncostream doctor"
    assert done.stdout.splitlines() == ["ended", line]


def test_a_worker_with_a_thread_that_never_ends_is_gone_in_time_and_says_so() -> None:
    done = subprocess.run([sys.executable, "-uc", STUCK], capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for words in ("ended", "stopped_badly", "stopped_short"):
        assert words in said


def test_a_worker_whose_port_is_taken_is_refused_by_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("ONCOSTREAM_WEB_PORT", str(taken.getsockname()[1]))
        with pytest.raises(WrongSettings, match=r"ONCOSTREAM_WEB_PORT: found .*; wanted .* a free port"):
            build_worker(read_settings(), ["fhir"])


class Reads:
    """An application that owns these partitions, so far behind in each."""

    def __init__(self, lags: dict[TP, int]) -> None:
        self.owned = lags

    def lags(self) -> dict[TP, int]:
        return self.owned


def test_a_partition_that_moved_to_another_worker_has_no_lag_here() -> None:
    """The last number stayed for good: nobody was behind, and the metric said so for ever."""

    def told() -> list[float | None]:
        return [
            REGISTRY.get_sample_value("oncostream_consumer_lag", {"topic": "moved", "partition": partition})
            for partition in "01"
        ]

    app = Reads({TP("moved", 0): 7, TP("moved", 1): 5000})
    lag = Lag([Role("fhir", app, None)], None)
    lag.tell()
    assert told() == [7, 5000]
    app.owned = {TP("moved", 0): 3}
    lag.tell()
    assert told() == [3, None]
    app.owned = {TP("moved", 1): 4}
    lag.tell()
    assert told() == [None, 4]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_free_address_is_left_free(host: str) -> None:
    port = free_port()
    require_address(WebSettings(host=host, port=port))
    require_address(WebSettings(host=host, port=port))
