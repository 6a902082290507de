"""The configured network, ready to answer: from settings, with a log line for each failure of a quantum device."""

from pathlib import Path

import structlog

from model.backends import BackendSettings, Setback
from model.serving import Predictor, PredictSettings
from streams.settings import Settings

log = structlog.get_logger()


def open_predictor(folder: Path, settings: Settings) -> Predictor:
    """Read the network in `folder` and set it up as configured; raises ValueError with a remedy."""
    return Predictor.load(folder, predict_settings(settings), _log_setback)


def predict_settings(settings: Settings) -> PredictSettings:
    """What the settings say of results."""
    quantum = settings.quantum
    backend = BackendSettings(
        name=quantum.backend,
        deadline_seconds=quantum.deadline.total_seconds(),
        failures=quantum.failures,
        pause_calls=quantum.pause_calls,
        depolarising=quantum.depolarising,
        damping=quantum.damping,
        readout=quantum.readout,
    )
    return PredictSettings(threshold=settings.predict.threshold, quantum=backend)


def _log_setback(setback: Setback, error: str) -> None:
    log.warning("quantum_setback", reason=setback.value, error=error)
