"""`python -m deploy.local --home DIR`: both servers until SIGINT or SIGTERM, their addresses as one JSON line."""

import argparse
import json
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from deploy.local.errors import LocalError
from deploy.local.servers import LocalServers, running_servers

_LOOK_SECONDS = 0.5


def main() -> int:
    """Return 0 when asked to stop, 4 where a server cannot start or has stopped by itself."""
    asked = _parser().parse_args()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        with running_servers(asked.home, kafka_port=asked.kafka_port, redis_port=asked.redis_port) as servers:
            sys.stdout.write(json.dumps(asdict(servers.addresses)) + "\n")
            sys.stdout.flush()
            _watch(servers)
    except KeyboardInterrupt:
        return 0
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 4


def _watch(servers: LocalServers) -> NoReturn:
    """Return never: leave by a signal, or because one of them is gone."""
    while True:
        for server in (servers.broker, servers.cache):
            if not server.alive:
                raise LocalError(f"the {server.name} stopped by itself; {server.output.parent} says why; start again")
        time.sleep(_LOOK_SECONDS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of both; topics stay there")
    parser.add_argument("--kafka-port", type=int, help="port of the broker; without it, a free one")
    parser.add_argument("--redis-port", type=int, help="port of the cache; without it, a free one")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
