"""Settings of the quantum backend: what runs the circuit, and how long a device is waited for."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class QuantumSettings(BaseSettings):
    """What runs the fusion's circuit. A device that fails is stood in for by exact simulation."""

    model_config = SettingsConfigDict(env_prefix="ONCOSTREAM_QUANTUM_", frozen=True, extra="forbid")

    backend: str = Field(
        default="exact",
        pattern=r"^(exact|noisy|shots:[1-9][0-9]{0,7}|device:[A-Za-z0-9_.-]+(:[1-9][0-9]{0,7})?)$",
    )
    """`exact`, `shots:N`, `noisy`, or `device:NAME` or `device:NAME:SHOTS` with the name of any PennyLane device."""
    deadline: timedelta = Field(default=timedelta(seconds=10), gt=timedelta(0), le=timedelta(minutes=5))
    """Longest wait for a device to run one request's circuits; a batch has several requests."""
    failures: int = Field(default=3, ge=1, le=1000)
    """Failures of the device in a row that open its circuit breaker."""
    pause_calls: int = Field(default=100, ge=1, le=1_000_000)
    """Requests answered exactly while the breaker is open, before the device is tried again."""
    depolarising: float = Field(default=0.001, ge=0, le=0.75)
    """`noisy`: probability that a wire is depolarised after a gate on it (0.75: nothing is left)."""
    damping: float = Field(default=0.001, ge=0, le=1)
    """`noisy`: probability that a wire falls from 1 to 0 after a gate on it."""
    readout: float = Field(default=0.01, ge=0, le=0.5)
    """`noisy`: probability that a wire is read the wrong way round."""
