"""`oncostream doctor`: everything a deployment gets wrong, checked, each with its remedy."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from agents.checks import Finding, State, check_machine, well, wrong
from agents.local_home import settings_here
from agents.rows import say_json, say_table
from agents.service_checks import check_kafka, check_redis
from streams.settings import WrongSettings

_AWAY = 4


def doctor(
    create_topics: Annotated[bool, typer.Option("--create-topics", help="Create what is missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
) -> None:
    """Check settings, Kafka, topics, Redis, the network, files and this machine; exit 4 where something is wrong."""
    findings = list(_findings(create=create_topics))
    if as_json:
        for each in findings:
            say_json(asdict(each))
    else:
        say_table(("", "check", "found", "remedy"), [(e.state, e.check, e.found, e.remedy) for e in findings])
    if any(each.state is State.WRONG for each in findings):
        raise typer.Exit(_AWAY)


def _findings(*, create: bool) -> Iterator[Finding]:
    try:
        settings = settings_here()
    except WrongSettings as error:
        yield wrong("settings", str(error))
        return
    yield well("settings", "all can be read")
    yield from asyncio.run(check_kafka(settings, create=create))
    yield from asyncio.run(check_redis(settings))
    yield from check_machine(settings)
