"""Ports of this machine: which are free, and which one was asked for and is not."""

import random
import socket

from deploy.local.errors import LocalError

HOST = "127.0.0.1"
"""The only address that the local servers listen on."""

_CHOICE = range(20_000, 32_000)
"""Below the ports that Linux and macOS give to outgoing connections, so that none of these takes ours meanwhile."""


def require_free(port: int, option: str) -> None:
    """Refuse a port that cannot be listened on now; `option` is what the remedy names."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise LocalError(
                f"port {port} cannot be used ({error}); stop the program that has it, or choose another {option}"
            ) from error


def free_port(*, avoid: int | None = None) -> int:
    """Return a port that nothing listens on now, other than `avoid`."""
    for port in random.SystemRandom().sample(_CHOICE, k=100):
        if port != avoid and _is_free(port):
            return port
    raise LocalError(f"none of 100 ports from {_CHOICE.start} to {_CHOICE.stop} is free; stop some programs")


def _is_free(port: int) -> bool:
    try:
        require_free(port, "port")
    except LocalError:
        return False
    return True
