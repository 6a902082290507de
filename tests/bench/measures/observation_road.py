"""The observation road, up to the request on its topic, against one-hop programs that do that job in one process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from measures.figures import Cost, Figure, against
from measures.place import Place, Size
from measures.roles import contender, observations
from measures.worker import Contender, Runner, warmed
from streams.topics import named

_EVENTS = 4_000
_RIVALS = {
    "the one-process loop": ("loops", "observation"),
    "FastStream at-least-once": ("loops.faststream_subscriber",),
    "plain Faust agent": ("loops.plain_faust",),
}
_LIMITS = {"the one-process loop": 2.0}


def measure_observation_road(place: Place, size: Size) -> list[Figure]:
    """Ours (clinical and assembly) once a run, and each rival after it."""
    pairs = asyncio.run(_pairs(place, size))
    return [
        against(
            f"observation road, an event, against {name}",
            found,
            f"≤ {_LIMITS[name]} ×" if name in _LIMITS else "below it",
            _LIMITS.get(name, 1.0),
        )
        for name, found in pairs.items()
    ]


async def _pairs(place: Place, size: Size) -> dict[str, list[tuple[Cost, Cost]]]:
    """(ours, theirs) of each run, by rival."""
    events = size.of(_EVENTS)
    pairs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in _RIVALS}
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(_ready(place, events, None))
        rivals = {name: await stack.enter_async_context(_ready(place, events, at)) for name, at in _RIVALS.items()}
        for _ in range(size.runs):
            cost = await ours.run(observations(ours.place, events))
            for name, rival in rivals.items():
                pairs[name].append((cost, await rival.run(observations(rival.place, events))))
    return pairs


@asynccontextmanager
async def _ready(place: Place, events: int, rival: tuple[str, ...] | None) -> AsyncIterator[Runner]:
    own = place.installation(place.untrained, min_modalities="1")
    topics = named(own.settings.kafka.prefix)
    program = contender(own, topics, ("clinical", "assembly"), ours=True)
    if rival:
        groups = {topics.observations: f"{own.settings.kafka.prefix}loop-observation"}
        program = Contender((sys.executable, "-m", *rival), groups, topics.requests)
    async with warmed(own, program, observations(own, min(240, events))) as runner:
        yield runner
