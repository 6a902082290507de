"""A deadline around a call that may hang."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Late(Exception):  # noqa: N818  what happened, not whose fault it is
    """There was no answer in time; or the call before it has not come back yet, and this one was not made."""


class Deadline(Generic[T]):
    """Makes calls one at a time, each in a thread of its own, and waits so long for each and no longer.

    A thread cannot be stopped from outside. A late call runs on, and what it returns or raises is dropped.
    Until it has come back every further call is `Late` at once and is not made: no more than one thread ever
    hangs, and a device never has two of our calls. The threads are daemons (those of a `ThreadPoolExecutor`
    would be waited for when the process ends, and a hung device would keep the worker from ending).
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._latest: Future[T] | None = None

    def call(self, work: Callable[[], T]) -> Future[T]:
        """The call's result or exception, as a future that is done; raises `Late`."""
        if self._latest is not None and not self._latest.done():
            raise Late
        future: Future[T] = Future()
        self._latest = future
        Thread(target=_fulfil, args=(future, work), daemon=True, name="quantum-device").start()
        try:
            future.exception(self._seconds)
        except TimeoutError:  # of the wait: one that the work raises is returned here, not raised
            raise Late from None
        return future


def _fulfil(future: "Future[T]", work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001  nothing is swallowed: it goes to the caller, through the future
        future.set_exception(error)
