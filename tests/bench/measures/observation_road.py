"""The observation road, up to the request on its topic, against one-hop programs that do that job in one process."""

import asyncio
import sys

from measures.figures import Cost, Figure, against
from measures.place import Place, Size
from measures.roles import contender, observations
from measures.worker import Contender, measure
from streams.topics import named

_EVENTS = 6_000
_RIVALS = {
    "the one-process loop": ("loops", "observation"),
    "FastStream at-least-once": ("loops.faststream_subscriber",),
    "plain Faust agent": ("loops.plain_faust",),
}
_LIMITS = {"the one-process loop": 2.0}


def measure_observation_road(place: Place, size: Size) -> list[Figure]:
    """Ours (clinical and assembly) once a run, and each rival after it."""
    pairs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in _RIVALS}
    for _ in range(size.runs):
        ours = _run(place, size, None)
        for name, module in _RIVALS.items():
            pairs[name].append((ours, _run(place, size, module)))
    return [
        against(
            f"observation road, an event, against {name}",
            found,
            f"≤ {_LIMITS[name]} ×" if name in _LIMITS else "below it",
            _LIMITS.get(name, 1.0),
        )
        for name, found in pairs.items()
    ]


def _run(place: Place, size: Size, rival: tuple[str, ...] | None) -> Cost:
    own = place.installation(place.untrained, min_modalities="1")
    topics, events = named(own.settings.kafka.prefix), size.of(_EVENTS)
    program = contender(own, topics, ("clinical", "assembly"), ours=True)
    if rival:
        groups = {topics.observations: f"{own.settings.kafka.prefix}loop-observation"}
        program = Contender((sys.executable, "-m", *rival), groups, topics.requests)
    return asyncio.run(measure(own, program, observations(own, min(240, events)), observations(own, events)))
