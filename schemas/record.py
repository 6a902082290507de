"""What every record of ours shares: immutable, strict about unknown fields, times in UTC."""

from datetime import UTC
from operator import methodcaller
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

Instant = Annotated[AwareDatetime, AfterValidator(methodcaller("astimezone", UTC))]
"""A moment with a known offset, held in UTC; written as RFC 3339 with `Z`."""


class Record(BaseModel):
    """An immutable value that travels. Unknown fields are an error, so that a typo is never a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")

    def to_json(self) -> bytes:
        """Serialise as UTF-8 JSON, leaving out what has its default."""
        return self.__pydantic_serializer__.to_json(self, exclude_defaults=True)
