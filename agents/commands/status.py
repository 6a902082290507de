"""`oncostream status`: lag, outcomes, patients waiting, dead letters; and whether all is settled."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from agents.clients import administering, caching, partitions_of, reading, shown
from agents.letters import filed
from agents.local_home import local_worker, settings_here
from agents.rows import say, say_json, say_table, warn
from agents.standing import Look, Standing, outcomes
from streams.settings import Settings
from streams.topics import named

_LOOK_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 365 * 24 * 3600
_NOT_SETTLED = 3


def status(
    wait: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=_LONGEST_WAIT_SECONDS,
            help="Wait until all is settled, at most so many seconds; else exit 3.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
) -> None:
    """Show how the installation stands.

    Settled: no role lags, and no decision falls due before the wait would end.
    """
    settings = settings_here()
    worker = local_worker(settings.places.home)
    standing, letters = asyncio.run(_look(settings, wait))
    addresses = {
        "kafka": settings.places.kafka,
        "redis": shown(settings.places.redis),
        "metrics": worker.metrics if worker else None,
    }
    events = outcomes(worker.metrics) if worker else {}
    (_say_json if as_json else _say)(addresses, standing, events, letters)
    if wait is not None and not standing.settled:
        warn(f"not settled after {wait:g} s")
        raise typer.Exit(_NOT_SETTLED)


async def _look(settings: Settings, wait: float | None) -> tuple[Standing, int]:
    """How it stands at the end, and the number of letters that nobody has dealt with."""
    topics = named(settings.kafka.prefix)
    async with administering(settings) as admin, reading(settings) as consumer, caching(settings) as redis:
        counts = await partitions_of(admin, topics.all())
        look = Look(settings, admin, consumer, redis, counts[topics.evidence])
        until = time.monotonic() + (wait or 0.0)
        by = datetime.now(UTC) + timedelta(seconds=wait or 0.0)
        standing, was_settled = await look.standing(by, counts), False
        while time.monotonic() < until and not (standing.settled and was_settled):
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, until - time.monotonic())))
            was_settled, standing = standing.settled, await look.standing(by, counts)
        letters = await filed(consumer, topics.dead_letters, list(range(counts[topics.dead_letters])))
        return standing, sum(not each.mark for each in letters)


def _say_json(
    addresses: Mapping[str, str | None], standing: Standing, events: Mapping[str, Mapping[str, int]], letters: int
) -> None:
    say_json(addresses)
    for role, lag in standing.lag.items():
        say_json({"role": role, "lag": lag, "events": events.get(role, {})})
    say_json({"waiting": standing.waiting, "dead_letters": letters})


def _say(
    addresses: Mapping[str, str | None], standing: Standing, events: Mapping[str, Mapping[str, int]], letters: int
) -> None:
    say("  ".join(f"{name} {address or '(no worker found here)'}" for name, address in addresses.items()))
    rows = []
    for role, lag in standing.lag.items():
        counted = ", ".join(f"{outcome} {count}" for outcome, count in sorted(events.get(role, {}).items()))
        rows.append((role, lag, counted or "-"))
    say_table(("role", "lag", "events"), rows)
    say(f"patients waiting {standing.waiting}, dead letters {letters}")
