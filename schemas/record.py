"""What every record of ours shares: immutable, strict about unknown fields, times in UTC."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import datetime_schema, no_info_after_validator_function, union_schema


class _InUtc:
    """Turns moments to UTC; those that are in it, as all that we wrote ourselves, never leave Rust."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return union_schema(
            [datetime_schema(tz_constraint=0), no_info_after_validator_function(_to_utc, handler(source))],
            mode="left_to_right",
            custom_error_type="instant",
            custom_error_message="Input should be a date and time with its offset, of the years 1 to 9999 in UTC",
        )


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("not in years 1 to 9999") from None


Instant = Annotated[AwareDatetime, _InUtc()]
"""A moment with a known offset, held in UTC; written as RFC 3339 with `Z`."""


class Record(BaseModel):
    """An immutable value that travels. Unknown fields are an error, so that a typo is never a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", use_attribute_docstrings=True)

    def to_json(self) -> bytes:
        """Serialise as UTF-8 JSON, leaving out what has its default."""
        return self.__pydantic_serializer__.to_json(self, exclude_defaults=True)
