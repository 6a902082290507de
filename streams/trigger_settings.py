"""Settings of the trigger: when a result is asked for, and which evidence counts."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.evidence import Modality

DAY = timedelta(days=1)
Delay = Annotated[timedelta, Field(ge=timedelta(0), le=3650 * DAY)]
"""Added to a time of arrival: with no bound, the sum would be no date."""


class TriggerSettings(BaseSettings):
    """When to ask for a result."""

    model_config = SettingsConfigDict(env_prefix="ONCOSTREAM_TRIGGER_", frozen=True, extra="forbid")

    min_modalities: int = Field(default=2, ge=1, le=len(Modality))
    """Quorum: so many modalities present, and every `required` one among them."""
    required: tuple[Modality, ...] = ()
    deadline: Delay = DAY
    """Longest wait after a patient's first evidence (ISO 8601: PT24H)."""
    settle: Delay = timedelta(seconds=2)
    """Quiet time after the last evidence before a result is asked for."""
    min_interval: Delay = timedelta(0)
    """Least time between two requests for one patient."""
    shelf_life: dict[Modality, Annotated[timedelta, Field(gt=timedelta(0))]] = {
        Modality.CLINICAL: 365 * DAY,
        Modality.IMAGING: 730 * DAY,
        Modality.GENOMIC: 3650 * DAY,
    }
    """Evidence this much older than the patient's newest counts as stale."""
    newest: dict[Modality, Annotated[int, Field(ge=1)]] = {
        Modality.CLINICAL: 256,
        Modality.IMAGING: 16,
        Modality.GENOMIC: 16,
    }
    """The newest K sources of each modality enter a request."""
    cap: int = Field(default=512, ge=1, le=100_000)
    """Most sources kept of one patient."""

    @field_validator("shelf_life", "newest")
    @classmethod
    def _whole(cls, table: dict[Modality, Any]) -> dict[Modality, Any]:
        absent = [modality.value for modality in Modality if modality not in table]
        if absent:
            raise ValueError(f"it lacks {', '.join(absent)}")
        return table
