"""`oncostream replay`: run a stored request again and compare bytes."""

import asyncio
from typing import Annotated

import typer
from pydantic import ValidationError

from agents.clients import administering, partitions_of, reading
from agents.exits import AskedWrongly
from agents.local_home import settings_here
from agents.prediction import open_predictor
from agents.replaying import Replayed, replayed
from agents.rows import say, say_json, warn
from agents.wiring import model_folder
from schemas.message import Message
from schemas.request import Request
from schemas.result import Result
from streams.reading import read_to_end
from streams.settings import Settings, WrongSettings
from streams.topics import named


def replay(
    result_id: Annotated[str, typer.Argument(help="Id of a result, which is that of its request.")],
    as_json: Annotated[bool, typer.Option("--json", help="One object.")] = False,
) -> None:
    """Run a stored request again: the same network must give the same bytes, another one shows what would change.

    Exits with 1 where the same network gives other bytes.
    """
    settings = settings_here()
    request, stored = asyncio.run(_find(settings, result_id))
    try:
        predictor = open_predictor(model_folder(settings), settings)
    except ValueError as error:
        raise WrongSettings(f"ONCOSTREAM_MODEL: {error}") from None
    told = replayed(predictor, request, stored)
    (_say_json if as_json else _say)(told)
    if not told.same and not told.other_model:
        warn("the same network gave other bytes: another build, device or setting (see provenance), or a bug")
        raise typer.Exit(1)


async def _find(settings: Settings, result_id: str) -> tuple[Request, bytes]:
    topics = named(settings.kafka.prefix)
    async with administering(settings) as admin:
        counts = await partitions_of(admin, [topics.requests, topics.results])
    request = await _last(settings, topics.requests, counts[topics.requests], result_id)
    stored = await _last(settings, topics.results, counts[topics.results], result_id)
    if request is None or stored is None:
        what = "request" if request is None else "result"
        raise AskedWrongly(f"no {what} {result_id}: it never was, or was compacted away (they are kept for 90 days)")
    return Request.model_validate_json(request), stored


async def _last(settings: Settings, topic: str, partitions: int, name: str) -> bytes | None:
    """The last record of that id."""
    found: bytes | None = None
    async with reading(settings) as consumer:
        async for message in read_to_end(consumer, topic, list(range(partitions))):
            if message.value is not None and name.encode() in message.value and _id_of(message) == name:
                found = message.value
    return found


def _id_of(message: Message) -> str | None:
    """None where the record is none of ours, which is said without a word of it."""
    kind = Result if message.topic.endswith("results") else Request
    try:
        return kind.model_validate_json(message.value or b"").id
    except ValidationError:
        what = f"record {message.partition}/{message.offset} of {message.topic}"
        warn(f"{what} is not a {kind.__name__.lower()}; passed over")
        return None


def _say(told: Replayed) -> None:
    if told.same:
        say(f"same bytes: content {told.stored.content_sha256[:12]}, {told.stored.provenance.model}")
        return
    one, other = told.stored.provenance.model, told.again.provenance.model
    say(f"another network: {one} said, {other} would say" if told.other_model else f"{one} said, and says again")
    for path, (before, now) in told.differences.items():
        say(f"  {path}: {before} -> {now}")


def _say_json(told: Replayed) -> None:
    say_json(
        {
            "id": told.stored.id,
            "same": told.same,
            "stored_model": told.stored.provenance.model,
            "model": told.again.provenance.model,
            "stored_content_sha256": told.stored.content_sha256,
            "content_sha256": told.again.content_sha256,
            "differences": {path: list(pair) for path, pair in told.differences.items()},
        }
    )
