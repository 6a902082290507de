"""`oncostream send`: files as events to the input topics."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from aiokafka import AIOKafkaProducer

from agents.allowed import file_rules
from agents.clients import administering, partitions_of, writing
from agents.exits import AskedWrongly
from agents.local_home import settings_here
from agents.path_events import INPUTS, Asked, messages_of, refers_to_files
from agents.rows import progress, say, warn
from model.cohorts.folder import EVENTS
from schemas.errors import Refused, Unavailable
from schemas.events import Assay
from schemas.message import Message
from streams.file_rules import locate
from streams.settings import Settings

_IN_FLIGHT = 1000


def send(
    path: Annotated[
        list[Path], typer.Argument(help="Cohort folder, .ndjson, FHIR .json, DICOM, VCF, MAF, FASTA, FASTQ.")
    ],
    patient: Annotated[str | None, typer.Option(help="Whose this is; a VCF, MAF, FASTA or FASTQ does not say.")] = None,
    specimen: Annotated[str | None, typer.Option(help="The specimen of such a file.")] = None,
    assay: Annotated[Assay, typer.Option(help="The assay of such a file.")] = "panel",
    rate: Annotated[float | None, typer.Option(min=0.001, max=1e6, help="At most so many events a second.")] = None,
) -> None:
    """Send files as events to the input topics, as a hospital would."""
    settings = settings_here()
    _warn_of_paths_not_allowed(path, settings)
    asked = Asked(patient, specimen, assay)
    started = time.monotonic()
    sent = asyncio.run(_send(settings, messages_of(path, asked), _expected(path), rate))
    topics = ", ".join(f"{topic} {count}" for topic, count in sorted(sent.items())) or "nothing there"
    say(f"sent {sent.total()} events in {time.monotonic() - started:.1f} s ({topics})")


async def _send(settings: Settings, messages: Iterator[Message], total: int | None, rate: float | None) -> Counter[str]:
    prefix = settings.kafka.prefix
    async with administering(settings) as client:
        await partitions_of(client, [f"{prefix}{topic}" for topic in INPUTS])
    async with writing(settings) as producer:
        sending = _Sending(producer, prefix, rate)
        with progress() as shown:
            task = shown.add_task("sending", total=total)
            try:
                for message in messages:
                    await sending.put(message)
                    shown.advance(task)
            except (Refused, AskedWrongly) as error:
                await sending.settle()
                raise AskedWrongly(f"{error} ({sending.sent.total()} events were sent before it)") from None
        await sending.settle()
    return sending.sent


class _Sending:
    """Hands records to a producer, at most so many in flight and so many a second."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str, rate: float | None) -> None:
        self.sent: Counter[str] = Counter()
        self._producer = producer
        self._prefix = prefix
        self._rate = rate
        self._flying: list[asyncio.Future[Any]] = []
        self._started = time.monotonic()

    async def put(self, message: Message) -> None:
        """Send one record; its key decides the partition, as a hospital's would."""
        topic, headers = f"{self._prefix}{message.topic}", list(message.headers)
        self._flying.append(await self._producer.send(topic, message.value, message.key, headers=headers))
        self.sent[message.topic] += 1
        if len(self._flying) >= _IN_FLIGHT:
            await self.settle()
        if self._rate:
            await asyncio.sleep(max(0.0, self._started + self.sent.total() / self._rate - time.monotonic()))

    async def settle(self) -> None:
        """Wait until Kafka has all of them."""
        await asyncio.gather(*self._flying)
        self._flying.clear()


def _expected(paths: list[Path]) -> int | None:
    """How many events there are where counting lines tells, else None."""
    files = [path / EVENTS if (path / EVENTS).is_file() else path for path in paths]
    if not all(file.is_file() and file.suffix == ".ndjson" for file in files):
        return None
    total = 0
    for file in files:
        with file.open("rb") as lines:
            total += sum(1 for line in lines if line.strip())
    return total


def _warn_of_paths_not_allowed(paths: list[Path], settings: Settings) -> None:
    rules = file_rules(settings)
    for path in filter(refers_to_files, paths):
        try:
            locate(path.resolve().as_uri(), rules)
        except (Refused, Unavailable):
            folder = path.resolve() if path.is_dir() else path.resolve().parent
            warn(
                f"files under {folder} are not allowed by the settings seen here, and workers set the same way "
                f"refuse them; start the workers with ONCOSTREAM_FILES_ALLOW={folder}"
            )
