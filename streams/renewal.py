"""Certificates that are renewed under a worker: read again, so that it can still connect when the old have expired.

A connection that stands is not affected: without this, the next restart of a broker after the expiry would be the end.
"""

import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from mode import Service

from streams.kafka import load_certificates, ssl_context
from streams.kafka_settings import KafkaSettings
from streams.settings import WrongSettings

log = structlog.get_logger()

_MINUTE = timedelta(minutes=1)


class Renewal(Service):
    """Looks once a minute whether the files of Kafka's certificates are others, and has these contexts show them."""

    def __init__(self, kafka: KafkaSettings, contexts: Sequence[ssl.SSLContext], every: timedelta = _MINUTE) -> None:
        super().__init__()
        self._every = every.total_seconds()
        self._kafka = kafka
        self._contexts = contexts
        self._known = self._state()

    async def on_start(self) -> None:
        """Begin to look."""
        self.add_future(self._watch())

    def look(self) -> None:
        """Read what changed. A pair that is written by halves is left, and looked at again."""
        found = self._state()
        if found == self._known:
            return
        try:
            ssl_context(self._kafka)  # as a whole or not at all: a context in use must not get a half
            for context in self._contexts:
                load_certificates(context, self._kafka)
        except WrongSettings as wrong:
            log.warning("certificate_not_renewed", reason=str(wrong))
            return
        self._known = found
        log.info("certificate_renewed")

    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(self._every)
            self.look()

    def _state(self) -> list[tuple[int, ...]]:
        """What tells one content of the files from another; a file that is not there just now has none."""
        kafka = self._kafka
        return [_state_of(file) for file in (kafka.ca_file, kafka.cert_file, kafka.key_file) if file is not None]


def _state_of(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns
