"""FHIR ImagingStudy, R4B or R5, as imaging events: the few fields that matter here, in both their shapes.

A FHIR Endpoint says where files are but not what they are, so each contained Endpoint that a series names carries
the file's size and SHA-256 in two extensions, and its media type in `payloadMimeType`.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemas.errors import Reason, Refused
from schemas.events import ImagingEvent
from schemas.fhir_addresses import literal_patient
from schemas.fhir_time import first_instant
from schemas.record import Instant

EXTENSIONS = "https://oncostream.org/fhir/StructureDefinition/"
"""Followed by `file-bytes` (valueUnsignedInt or valueInteger64), `file-sha256` and `file-encoder` (valueString)."""

_STATUS = {"available": "available", "cancelled": "entered-in-error", "entered-in-error": "entered-in-error"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Meta(_Part):
    versionId: str | None = None  # noqa: N815  FHIR's own names
    lastUpdated: Instant | None = None  # noqa: N815


class _Reference(_Part):
    reference: str = ""


class _Coding(_Part):
    system: str = ""
    code: str = ""


def _first_coding(value: Any) -> Any:
    """R5 wraps what was a Coding in a CodeableConcept (`coding`) or a CodeableReference (`concept.coding`)."""
    if isinstance(value, dict):
        value = value.get("concept", value)
    codings = value.get("coding") if isinstance(value, dict) else None
    return codings[0] if isinstance(codings, list) and codings else value


def _first_instant(value: Any) -> Any:
    """A dateTime may be a date alone, or a part of one."""
    return first_instant(value) if isinstance(value, str) else value


_Started = Annotated[Instant, BeforeValidator(_first_instant)]
_AnyCoding = Annotated[_Coding, BeforeValidator(_first_coding)]


class Series(_Part):
    """One series, and the endpoints of its files."""

    uid: str = Field(min_length=1)
    modality: _AnyCoding
    bodySite: _AnyCoding | None = None  # noqa: N815
    started: _Started | None = None
    endpoint: tuple[_Reference, ...] = ()


class _Extension(_Part):
    url: str
    valueString: str | None = None  # noqa: N815
    valueUnsignedInt: int | None = None  # noqa: N815
    valueInteger64: int | None = None  # noqa: N815


class _Contained(_Part):
    resourceType: str  # noqa: N815
    id: str = ""
    address: str = ""
    payloadMimeType: tuple[str, ...] = ()  # noqa: N815
    extension: tuple[_Extension, ...] = ()


class ImagingStudy(_Part):
    """What is read of the resource; all else in it is passed over."""

    id: str = Field(min_length=1)
    meta: _Meta = _Meta()
    status: str
    subject: _Reference
    started: _Started | None = None
    series: tuple[Series, ...] = ()
    contained: tuple[_Contained, ...] = ()


def series_of(study: ImagingStudy) -> tuple[Series, ...]:
    """The series to read; none while the study is only registered. Raises Refused where the whole says too little."""
    if study.status == "registered":
        return ()
    if not study.series and _STATUS.get(study.status) == "entered-in-error":
        raise Refused(Reason.NOTHING_TO_READ, "a study taken back without its series; send the uid of each")
    return study.series


def known_of(study: ImagingStudy, series: Series) -> ImagingEvent:
    """Whose series it is and of when, with nothing of what there is to read; raises Refused or ValidationError."""
    patient = literal_patient(study.subject.reference)
    if patient is None:
        raise Refused(Reason.NO_PATIENT, "subject is no Patient/<id> reference; name the patient by reference")
    starts = [one.started for one in study.series if one.started is not None]
    started = series.started or study.started or min(starts, default=None)  # a study started when its first series did
    if started is None and _STATUS.get(study.status) == "entered-in-error":
        started = study.meta.lastUpdated  # a withdrawal need not say when what it takes back was taken
    if started is None:
        raise Refused(Reason.NO_TIME, "neither the study nor its series has `started`; send when it was taken")
    return ImagingEvent(id=study.id, patient=patient, occurred_at=started, study=study.id, series=series.uid, kind="OT")


def event_of(study: ImagingStudy, series: Series) -> ImagingEvent:
    """All of it; raises Refused or ValidationError."""
    known = known_of(study, series)
    if study.status not in _STATUS:
        raise Refused(Reason.UNSUPPORTED, "a study of unknown status; send it available, or entered-in-error")
    site = series.bodySite
    return ImagingEvent.model_validate(
        {
            **known.model_dump(),
            "status": _STATUS[study.status],
            "kind": series.modality.code,
            "body_site": f"{site.system}|{site.code}" if site else None,
            "files": [_file(study, endpoint) for endpoint in series.endpoint] if study.status == "available" else [],
        }
    )


def _file(study: ImagingStudy, endpoint: _Reference) -> dict[str, Any]:
    named = [c for c in study.contained if c.resourceType == "Endpoint" and f"#{c.id}" == endpoint.reference]
    if not named:
        raise Refused(Reason.NOT_AN_EVENT, "an endpoint that is not contained; send an imaging event with `files`")
    said = {e.url.removeprefix(EXTENSIONS): e for e in named[0].extension if e.url.startswith(EXTENSIONS)}
    size, sha256, encoder = (said.get(f"file-{name}") for name in ("bytes", "sha256", "encoder"))
    if size is None or sha256 is None or not named[0].payloadMimeType:
        raise Refused(
            Reason.NOT_AN_EVENT,
            "an Endpoint without the file's size, SHA-256 or type; add the extensions file-bytes and file-sha256 and "
            "payloadMimeType, or send an imaging event with `files`",
        )
    return {
        "url": named[0].address,
        "media_type": named[0].payloadMimeType[0],
        "bytes": size.valueUnsignedInt if size.valueUnsignedInt is not None else size.valueInteger64,
        "sha256": sha256.valueString,
        "encoder": encoder.valueString if encoder else None,
    }
