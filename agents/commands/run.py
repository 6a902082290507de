"""`oncostream run`: roles against the configured Kafka and Redis."""

import asyncio
from typing import Annotated

import typer

from agents.exits import AskedWrongly
from agents.scratch import scratch
from agents.wiring import ROLES
from agents.worker import GONE_WITHIN_SECONDS, build_worker, require_topics
from streams.log import log_to_stderr
from streams.settings import read_settings


def run(
    role: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(ROLES)}; repeat it. Default: all.")] = None,
) -> None:
    """Run roles against the configured Kafka and Redis until told to stop; then it ends within ten seconds."""
    names = role or list(ROLES)
    unknown = sorted(set(names) - set(ROLES))
    if unknown:
        raise AskedWrongly(f"--role {unknown[0]}: wanted one of {', '.join(ROLES)}")
    log_to_stderr()
    settings = read_settings()
    asyncio.run(require_topics(settings))
    worker, _ = build_worker(settings, names)
    worker.gone_within = GONE_WITHIN_SECONDS
    with scratch():
        worker.execute_from_commandline()
