"""Patients in Redis, written by hand: a hash a patient, one round trip to read, one to write; then the requests."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from redis.asyncio import Redis

from agents.asking import outgoing
from agents.wiring import make_parts
from loops.loop import Job
from model.intake.clinical import ClinicalRules, read_observation
from schemas.evidence import Evidence
from schemas.message import Message
from streams.advance import Advanced, Arrival, advance
from streams.publisher import Outgoing
from streams.settings import Settings
from streams.state import Header, PatientState


class Asking:
    """Takes pieces of evidence in and gives the requests they lead to."""

    def __init__(self, settings: Settings) -> None:
        self.parts = make_parts(settings)
        self._redis: Redis = self.parts.redis
        self._prefix = settings.kafka.prefix

    async def load(self, patients: Iterable[str]) -> dict[str, PatientState]:
        """The patients as the cache knows them."""
        names = list(patients)
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(self._key(name))
            answers = await pipe.execute()
        return {name: _state(name, fields) for name, fields in zip(names, answers, strict=True)}

    async def store(self, steps: Sequence[Advanced]) -> None:
        """Write what changed."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for step in steps:
                old, new = step.before.picture, step.after.picture
                changed = {"|".join(key): piece.to_json() for key, piece in new.items() if piece is not old.get(key)}
                pipe.hset(self._key(step.after.patient), mapping={**changed, "#header": step.after.header.to_json()})
            await pipe.execute()

    def ask(self, states: Mapping[str, PatientState], pieces: Iterable[tuple[Message, Evidence]]) -> list[Advanced]:
        """Merge and decide, patient by patient."""
        arrivals: dict[str, list[Arrival]] = {patient: [] for patient in states}
        for message, piece in pieces:
            arrivals[piece.patient].append(Arrival(message, (piece.modality, piece.source), piece))
        now = datetime.now(UTC)
        return [advance(states[patient], arrived, self.parts.policy, now) for patient, arrived in arrivals.items()]

    async def take(self, pieces: Sequence[tuple[Message, Evidence]]) -> list[Outgoing]:
        """Load, decide, store; the requests to send."""
        states = await self.load({piece.patient: None for _, piece in pieces})
        steps = self.ask(states, pieces)
        await self.store(steps)
        now = datetime.now(UTC)
        return [record for step in steps for record in outgoing(step, self.parts, now)]

    def _key(self, patient: str) -> str:
        return f"{self._prefix}loop:{patient}"


def assembly(settings: Settings) -> Job:
    """Evidence to requests."""
    asking = Asking(settings)

    async def work(messages: Sequence[Message]) -> list[Outgoing]:
        return await asking.take(
            [(message, Evidence.model_validate_json(message.value or b"")) for message in messages]
        )

    return Job("assembly", asking.parts.topics.evidence, work)


def observation(settings: Settings) -> Job:
    """FHIR to requests in one hop: the clinical and the assembly role in one loop, without evidence in between."""
    asking, rules = Asking(settings), ClinicalRules()

    async def work(messages: Sequence[Message]) -> list[Outgoing]:
        return await asking.take(
            [(message, piece) for message in messages for piece in read_observation(message, rules).evidence]
        )

    return Job("observation", asking.parts.topics.observations, work)


def _state(patient: str, fields: Mapping[bytes, bytes]) -> PatientState:
    header = Header.model_validate_json(fields.get(b"#header", b"{}"))
    pieces = [Evidence.model_validate_json(value) for name, value in fields.items() if name != b"#header"]
    return PatientState(patient, header, {(piece.modality, piece.source): piece for piece in pieces})
