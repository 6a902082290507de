"""Each role alone, and the whole road, against the hand-written loop that does the same work."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from measures.figures import Cost, Figure, against
from measures.inputs import bag, cohort, observation, panel
from measures.inside import evidence_records, request_records, result_records
from measures.place import Installation, Place, Size
from measures.worker import Contender, Runner, oncostream, warmed
from streams.publisher import Outgoing
from streams.topics import Topics, inputs_of, named

ROLES = ("clinical", "imaging", "genomic", "assembly", "inference", "fhir")
_EACH = 4
_LIMIT = 1.25

Make = Callable[[Installation, int], list[Outgoing]]
"""(installation, how many) -> events."""


@dataclass(frozen=True)
class Job:
    """What one figure measures."""

    name: str
    roles: tuple[str, ...]
    make: Make
    events: int
    warm: int = 240
    modalities: int = 1
    """Quorum."""


def patients(events: int, each: int = _EACH) -> list[str]:
    """A patient an event; every patient has `each` events, as far apart as can be."""
    prefix, different = cohort(), max(events // each, 1)
    return [f"{prefix}-{number % different}" for number in range(events)]


def observations(place: Installation, events: int) -> list[Outgoing]:
    """Single Observations, on every partition in turn, keyed by nothing."""
    topics, names = named(place.settings.kafka.prefix), patients(events)
    different = len(set(names))
    return [
        spread(place, topics.observations, number, observation(name, number // different))
        for number, name in enumerate(names)
    ]


def spread(place: Installation, topic: str, number: int, value: bytes) -> Outgoing:
    """An input record: no key, partitions in turn."""
    return Outgoing(topic, None, value, number % place.settings.kafka.partitions)


def _panels(place: Installation, events: int) -> list[Outgoing]:
    topic = named(place.settings.kafka.prefix).sequencing
    return [spread(place, topic, number, panel(name, number)) for number, name in enumerate(patients(events))]


def _bags(place: Installation, events: int) -> list[Outgoing]:
    topic = named(place.settings.kafka.prefix).imaging
    names = enumerate(patients(events))
    return [spread(place, topic, number, bag(name, number, place.folder)) for number, name in names]


def _everything(place: Installation, events: int) -> list[Outgoing]:
    """Two events a patient, an Observation and a panel (for one in eight, a bag): at a quorum of two, one result."""
    topics, names = named(place.settings.kafka.prefix), patients(events, 2)
    half, made = len(names) // 2, []
    for number, name in enumerate(names):
        if number < half:
            made.append(spread(place, topics.observations, number, observation(name, 0)))
        elif number % 8:
            made.append(spread(place, topics.sequencing, number, panel(name, number)))
        else:
            made.append(spread(place, topics.imaging, number, bag(name, number, place.folder)))
    return made


JOBS = (
    Job("clinical", ("clinical",), observations, 6_000),
    Job("imaging", ("imaging",), _bags, 1_000),
    Job("genomic", ("genomic",), _panels, 2_000),
    Job("assembly", ("assembly",), lambda place, events: evidence_records(place, patients(events)), 6_000),
    Job("inference", ("inference",), lambda place, events: request_records(place, patients(events, 1)), 1_000),
    Job("fhir", ("fhir",), lambda place, events: result_records(place, patients(events, 1)), 2_000),
    Job("road", ROLES, _everything, 1_000, modalities=2),
)


def measure_role(name: str) -> Callable[[Place, Size], list[Figure]]:
    """The measurement of a role, or of the `road`."""
    job = next(job for job in JOBS if job.name == name)

    def figures(place: Place, size: Size) -> list[Figure]:
        title = "whole road" if name == "road" else f"role {name}"
        pairs = asyncio.run(_pairs(place, job, size))
        return [against(f"{title}, an event", pairs, f"≤ {_LIMIT} × the loop", _LIMIT)]

    return figures


async def _pairs(place: Place, job: Job, size: Size) -> list[tuple[Cost, Cost]]:
    """(ours, theirs) of each run, one right after the other, each with events of patients it has not met."""
    events = size.of(job.events)
    async with _ready(place, job, events, ours=True) as ours, _ready(place, job, events, ours=False) as theirs:
        return [
            (await ours.run(job.make(ours.place, events)), await theirs.run(job.make(theirs.place, events)))
            for _ in range(size.runs)
        ]


@asynccontextmanager
async def _ready(place: Place, job: Job, events: int, *, ours: bool) -> AsyncIterator[Runner]:
    own = place.installation(place.untrained, min_modalities=str(job.modalities))
    program = contender(own, named(own.settings.kafka.prefix), job.roles, ours=ours)
    async with warmed(own, program, job.make(own, min(job.warm, events))) as runner:
        yield runner


def contender(own: Installation, topics: Topics, roles: Sequence[str], *, ours: bool) -> Contender:
    """Our worker, or the loops, with these roles."""
    consumed = inputs_of(topics)
    produced = dict.fromkeys(ROLES, topics.evidence) | {
        "assembly": topics.requests,
        "inference": topics.results,
        "fhir": topics.fhir,
    }
    command = oncostream(roles) if ours else (sys.executable, "-m", "loops", *roles)
    group = "oncostream" if ours else "loop"
    groups = {consumed[role]: f"{own.settings.kafka.prefix}{group}-{role}" for role in roles}
    return Contender(command, groups, produced[roles[-1]])
