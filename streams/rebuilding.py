"""Replace a partition of the cache, though others look at it, build it too, or this process ends halfway.

The mark of a partition that is being built is no offset: nobody believes what is there, and a worker that needs it
builds it itself. Whoever set the mark last is the one who builds; nothing is written by any other from then on.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

from streams.patient_fields import BUILDING, fields_of
from streams.state import PatientState

_SCRIPT = files("streams").joinpath("while_ours.lua").read_text()
_AT_ONCE = 1000
"""Keys, or fields of a patient, that one command takes: Lua has room for some thousand arguments."""

_COMMANDS = 100
"""Commands of one round trip, or a few more: meanwhile Redis does nothing else."""

Command = tuple[str, str, tuple[Any, ...]]
"""Name, key, further arguments."""


class Rebuilding:
    """One rebuild of one partition; `key` gives the keys of that partition by their names."""

    def __init__(self, redis: Redis, key: Callable[[str], str]) -> None:
        self._redis = redis
        self._key = key
        self._script = redis.register_script(_SCRIPT)
        self._mark = f"{BUILDING}{secrets.token_hex(8)}"

    async def run(self, states: Iterable[PatientState], applied: int, now: datetime, asked: int) -> bool:
        """Put these patients in place of what is there; every one is decided again at once. The mark comes last.

        False where another has begun to build the partition meanwhile.
        """
        await self._redis.set(self._key("applied"), self._mark)
        old = [key async for key in self._redis.scan_iter(match=f"{self._key('')}*", count=1000)]
        old = [key for key in old if key != self._key("applied").encode()]
        for start in range(0, len(old), _AT_ONCE):
            if not await self._done([("UNLINK", key, ()) for key in old[start : start + _AT_ONCE]]):
                return False
        some: list[Command] = []
        for state in states:
            some += self._commands(state, now)
            if len(some) >= _COMMANDS:
                if not await self._done(some):
                    return False
                some = []
        marks = [("SET", self._key("asked"), (asked,)), ("SET", self._key("applied"), (applied,))]
        return await self._done([*some, *marks])

    def _commands(self, state: PatientState, now: datetime) -> Iterator[Command]:
        fields = list(fields_of(state).items())
        for start in range(0, len(fields), _AT_ONCE):
            some = fields[start : start + _AT_ONCE]
            yield "HSET", self._key(f"patient:{state.patient}"), tuple(part for pair in some for part in pair)
        yield "ZADD", self._key("due"), (now.timestamp(), state.patient)

    async def _done(self, commands: Sequence[Command]) -> bool:
        """Do these, in one round trip; False, with none of them done, where the partition is another's now."""
        keys = [self._key("applied"), *(key for _, key, _ in commands)]
        parts = [part for name, _, rest in commands for part in (name, len(rest), *rest)]
        return bool(await self._script(keys=keys, args=[self._mark, *parts]))
