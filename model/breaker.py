"""A circuit breaker: what fails several times in a row is left alone for a while (Nygard, Release It!, 2007)."""


class Breaker:
    """Closed it lets every call through; `failures` in a row open it; then `pause_calls` calls are held back.

    The call after these is let through as a trial: success closes the breaker, failure opens it for another
    pause. The pause is counted in calls, so that no clock is read here and a test need not wait.
    """

    def __init__(self, failures: int, pause_calls: int) -> None:
        self._limit, self._pause = failures, pause_calls
        self._in_a_row = 0
        self._held_back = 0

    def lets_through(self) -> bool:
        """Whether the next call may be made; ask once for each, and say how it went."""
        if self._in_a_row < self._limit or self._held_back >= self._pause:
            return True
        self._held_back += 1
        return False

    def succeeded(self) -> None:
        """The call that was let through gave an answer."""
        self._in_a_row = 0
        self._held_back = 0

    def failed(self) -> None:
        """It did not."""
        self._in_a_row += 1
        self._held_back = 0
