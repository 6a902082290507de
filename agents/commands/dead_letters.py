"""`oncostream dead-letters`: what was refused, looked at, sent again, dismissed."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from agents.clients import administering, partitions_of, reading, writing
from agents.exits import AskedWrongly
from agents.letters import Filed, erase, filed, kept, mark, send_again, unreadable_of
from agents.local_home import settings_here
from agents.rows import say, say_json, say_table, warn
from schemas.dead_letter import original_headers
from schemas.message import Message
from streams.dead_letters import keeps_message
from streams.settings import Settings
from streams.topics import named

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="What was refused: look at it, send it again, dismiss it."
)
Json = Annotated[bool, typer.Option("--json", help="One object a line.")]
Ids = Annotated[list[str] | None, typer.Argument(help="topic/partition/offset, as `list` shows them.")]


@app.command("list")
def list_letters(
    everything: Annotated[bool, typer.Option("--all", help="Also what was replayed or dismissed.")] = False,
    as_json: Json = False,
) -> None:
    """List the letters that nobody has dealt with, the oldest first."""
    letters = asyncio.run(_filed(settings_here()))
    chosen = [each for each in letters if everything or not each.mark]
    if as_json:
        for each in chosen:
            say_json(_row(each))
        return
    now = datetime.now(UTC)
    rows = []
    for each in chosen:
        age = str(now - each.letter.first_failure).partition(".")[0]
        rows.append((each.letter.id, each.letter.reason, each.letter.step, age, each.mark, each.letter.detail))
    say_table(("id", "reason", "step", "age", "mark", "detail"), rows)


@app.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="topic/partition/offset, as `list` shows it.")],
    payload: Annotated[bool, typer.Option("--payload", help="Also the message itself: it may name a patient.")] = False,
    as_json: Json = False,
) -> None:
    """Show one letter: why, and the original headers."""
    found, message = asyncio.run(_one(settings_here(), letter_id))
    said = _row(found) | {"headers": {name: _text(value) for name, value in original_headers(message.headers)}}
    if payload:
        said |= {"key": _text(message.key), "value": _text(message.value)}
    if as_json:
        say_json(said)
        return
    for name, value in said.items():
        if name != "value":
            say(f"{name:15} {'-' if value is None else value}")
    if payload:
        sys.stdout.buffer.write((message.value or b"") + b"\n")


@app.command("replay")
def replay(
    letter_id: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All that nobody has dealt with.")] = False,
) -> None:
    """Send letters to the topics they came from again, byte for byte, after the fault is gone."""
    settings = settings_here()
    chosen = asyncio.run(_chosen(settings, letter_id or [], everything=everything))
    say(f"replayed {asyncio.run(_replay(settings, chosen))} of {len(chosen)} letters")


@app.command("dismiss")
def dismiss(
    letter_id: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All that nobody has dealt with.")] = False,
) -> None:
    """Mark letters as dealt with; results no longer say that they could not be read."""
    settings = settings_here()
    chosen = asyncio.run(_chosen(settings, letter_id or [], everything=everything))
    erased = asyncio.run(_dismiss(settings, chosen))
    say(f"dismissed {len(chosen)} letters, {erased} sources no longer count as unreadable")


async def _filed(settings: Settings) -> list[Filed]:
    topic = named(settings.kafka.prefix).dead_letters
    async with administering(settings) as admin:
        count = (await partitions_of(admin, [topic]))[topic]
    async with reading(settings) as consumer:
        return await filed(consumer, topic, list(range(count)))


async def _chosen(settings: Settings, ids: list[str], *, everything: bool) -> list[Filed]:
    """The letters asked for; those dealt with already only where they are named."""
    if bool(ids) == everything:
        raise AskedWrongly("give the ids of letters, or --all (oncostream dead-letters list shows them)")
    letters = {each.letter.id: each for each in await _filed(settings)}
    unknown = [name for name in ids if name not in letters]
    if unknown:
        raise AskedWrongly(f"no dead letter {unknown[0]}; oncostream dead-letters list --all shows them")
    return [letters[name] for name in ids] or [each for each in letters.values() if not each.mark]


async def _one(settings: Settings, letter_id: str) -> tuple[Filed, Message]:
    chosen = await _chosen(settings, [letter_id], everything=False)
    async with reading(settings) as consumer:
        async for _, message in kept(consumer, named(settings.kafka.prefix).dead_letters, chosen):
            return chosen[0], message
    raise AskedWrongly(f"dead letter {letter_id} is gone")


async def _replay(settings: Settings, chosen: list[Filed]) -> int:
    topic, count = named(settings.kafka.prefix).dead_letters, 0
    sources = {each.letter.topic for each in chosen}
    async with administering(settings) as admin:
        partitions = await partitions_of(admin, sources)
    async with reading(settings) as consumer, writing(settings) as producer:
        async for letter, message in kept(consumer, topic, chosen):
            if not keeps_message(letter):
                warn(f"{letter.id} keeps no message, it was too large; its sender sends it in parts, then dismiss this")
                continue
            await send_again(producer, letter, message, partitions[letter.topic])
            await mark(producer, topic, letter.id, "replayed")
            count += 1
    return count


async def _dismiss(settings: Settings, chosen: list[Filed]) -> int:
    topics = named(settings.kafka.prefix)
    async with administering(settings) as admin:
        count = (await partitions_of(admin, [topics.evidence]))[topics.evidence]
    letters = [each.letter for each in chosen]
    async with reading(settings) as consumer, writing(settings) as producer:
        unreadable = await unreadable_of(consumer, topics.evidence, list(range(count)), letters)
        for message in unreadable:
            await erase(producer, message, datetime.now(UTC))
        for letter in letters:
            await mark(producer, topics.dead_letters, letter.id, "dismissed")
    return len(unreadable)


def _row(each: Filed) -> dict[str, Any]:
    letter = each.letter
    return {
        "id": letter.id,
        "reason": letter.reason.value,
        "detail": letter.detail,
        "step": letter.step,
        "version": letter.version,
        "attempts": letter.attempts,
        "first_failure": letter.first_failure.isoformat(),
        "last_failure": letter.last_failure.isoformat(),
        "age_seconds": round((datetime.now(UTC) - letter.first_failure).total_seconds(), 1),
        "mark": each.mark or None,
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
