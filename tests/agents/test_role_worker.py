import subprocess
import sys
import textwrap

import pytest

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


def test_a_worker_with_a_thread_that_never_ends_is_gone_in_time_and_says_so() -> None:
    done = subprocess.run([sys.executable, "-uc", STUCK], capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for words in ("ended", "stopped_badly", "stopped_short"):
        assert words in said
