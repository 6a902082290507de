"""Run one server and end it when its owner is gone, however the owner went.

Started by path, with the standard library alone: `python child.py OWNER PIDFILE COMMAND…`.
The kernel's own death signal is sent when the starting *thread* ends, which would kill a server started
from a pool; so this process asks who its parent is. The server itself does get the death signal of this one.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_ENDINGS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_WATCHED = {*_ENDINGS, signal.SIGCHLD, signal.SIGALRM}
_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 20.0


def main(owner: int, pid_file: Path, command: list[str]) -> None:
    """Keep `command` running until it ends by itself, a signal asks for its end, or process `owner` is gone."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    keeper = os.getpid()
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=lambda: _die_with(keeper))
    pid_file.write_text(f"{server.pid}\n", encoding="ascii")
    signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
    while server.poll() is None and os.getppid() == owner:
        if signal.sigwait(_WATCHED) in _ENDINGS:
            break
    _end(server)


def _die_with(keeper: int) -> None:
    """In the server, before it becomes one: undo our signal mask, and ask to be killed when we die."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:  # it died before we could ask
        os._exit(1)


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
