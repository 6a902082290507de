import io
import logging

import pytest

from streams.repeats import Repeats


class Ear:
    """A handler with the filter, and what came through it."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self.handler = logging.StreamHandler(self._text)
        self.handler.addFilter(Repeats("aiokafka"))

    def hear(self, at: float, name: str, message: str, *args: object, level: int = logging.ERROR) -> None:
        record = logging.LogRecord(name, level, "file.py", 1, message, args, None)
        record.created = at
        self.handler.handle(record)

    @property
    def lines(self) -> list[str]:
        return self._text.getvalue().splitlines()


@pytest.fixture
def ear() -> Ear:
    return Ear()


def test_the_first_is_said_at_once_then_one_a_minute_with_the_number_left_out(ear: Ear) -> None:
    for tick in range(340 * 130):
        ear.hear(tick / 340, "aiokafka", "Unable connect to node with id %s: [Errno 111]", tick % 3)
    assert ear.lines == [
        "Unable connect to node with id 0: [Errno 111]",
        "Unable connect to node with id 0: [Errno 111] (20399 more like it since the last)",
        "Unable connect to node with id 0: [Errno 111] (20399 more like it since the last)",
    ]


def test_an_hour_without_a_broker_is_a_few_lines_a_minute(ear: Ear) -> None:
    usual = ("Unable connect to node", "Unable to update metadata", "Failed fetch", "Group Coordinator Request failed")
    for second in range(3600):
        for text in usual:
            ear.hear(second, "aiokafka.consumer", text)
    assert len(ear.lines) == 60 * len(usual)


@pytest.mark.parametrize(
    ("name", "message", "args", "level"),
    [
        pytest.param("aiokafka", "Failed: %s", ("GroupAuthorizationFailedError",), logging.ERROR, id="another-error"),
        pytest.param("aiokafka.consumer", "Failed: %s", ("NodeNotReadyError",), logging.ERROR, id="another-logger"),
        pytest.param("aiokafka", "Failed: %s", ("NodeNotReadyError",), logging.CRITICAL, id="another-level"),
    ],
)
def test_what_is_said_for_the_first_time_is_never_held_back(
    ear: Ear, name: str, message: str, args: tuple[object, ...], level: int
) -> None:
    for second in range(10):
        ear.hear(second, "aiokafka", "Failed: %s", "NodeNotReadyError")
    ear.hear(10, name, message, *args, level=level)
    assert len(ear.lines) == 2


def test_other_libraries_say_what_they_like(ear: Ear) -> None:
    for second in range(5):
        ear.hear(second, "aiokafkaesque", "again")
    assert ear.lines == ["again"] * 5


def test_kinds_that_never_end_are_not_all_remembered(ear: Ear) -> None:
    for number in range(10_000):
        ear.hear(0, "aiokafka", "x" * (number % 700))
    (repeats,) = ear.handler.filters
    assert isinstance(repeats, Repeats)
    assert len(repeats._kinds) <= 256


def test_a_clock_that_is_set_back_by_hours_silences_nothing(ear: Ear) -> None:
    for at in (10_000, 10_030, 100, 130, 170):
        ear.hear(at, "aiokafka", "Unable connect")
    assert ear.lines == [
        "Unable connect",
        "Unable connect (1 more like it since the last)",
        "Unable connect (1 more like it since the last)",
    ]
