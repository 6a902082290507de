"""What a library says again and again, said once a minute: without its broker a worker wrote 340 lines a second."""

import logging
import re
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

_QUIET_SECONDS = 60.0
_MOST_KINDS = 256
_NUMBERS = re.compile(r"\d+")


@dataclass
class _Kind:
    """Messages that differ in numbers alone."""

    said_at: float
    left_out: int = 0


class Repeats(logging.Filter):
    """Lets the first message of a kind through, then one a minute, which says how many were left out since the last.

    A handler's filter, for the records of one library and all its loggers. Messages are of one kind when logger, level
    and text are the same but for numbers: another error, topic or group is another kind. Time is the record's own.
    """

    def __init__(self, library: str) -> None:
        super().__init__(library)
        self._kinds: OrderedDict[tuple[str, int, str], _Kind] = OrderedDict()
        self._lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to say it; what is said after a silence tells of it."""
        if not super().filter(record):
            return True  # not of this library
        text = record.getMessage()
        with self._lock:  # consumers log from threads of their own
            left_out = self._left_out(record, text)
        if left_out:
            record.msg, record.args = f"{text} ({left_out} more like it since the last)", ()
        return left_out is not None

    def _left_out(self, record: logging.LogRecord, text: str) -> int | None:
        """How many of its kind were left out before this one; None where this one is left out too."""
        name = (record.name, record.levelno, _NUMBERS.sub("0", text))
        kind = self._kinds.get(name)
        if kind is not None and 0 <= record.created - kind.said_at < _QUIET_SECONDS:  # else the clock was set back
            kind.left_out += 1
            return None
        self._kinds[name] = _Kind(record.created)
        self._kinds.move_to_end(name)
        if len(self._kinds) > _MOST_KINDS:
            self._kinds.popitem(last=False)
        return kind.left_out if kind is not None else 0
