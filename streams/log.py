"""Logs: an event name and fields, on stderr. No patient, no key, no content."""

import logging
import sys

import structlog

from streams.repeats import Repeats


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send every log line to stderr: coloured on a terminal, JSON elsewhere.

    Libraries speak from WARNING up, and aiokafka says the same no more than once a minute.
    """
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.addFilter(Repeats("aiokafka"))
    logging.basicConfig(handlers=[libraries], level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
