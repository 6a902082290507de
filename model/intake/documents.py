"""A DocumentReference read: its notes as vectors where a notes encoder is configured, else as tokens."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final, Protocol

from schemas.canonical_units import LOINC
from schemas.errors import Reason, Refused
from schemas.evidence import Vector
from schemas.fhir_concepts import TEXT_CUT, code_of, is_cut
from schemas.tokens import ObservationToken

NOTE_CUT: Final = "note-cut"
"""Flag of a document of which only the beginning was read, or travels."""
_LONGEST_TOKEN: Final = 4000
_LONGEST_READ: Final = 100_000
"""Characters of a note that are encoded: some forty pages, a few seconds."""
_LONGEST_TYPE: Final = 256
"""Characters of a content type; reading it takes their square, and without end for a megabyte."""
_LARGEST_CODES: Final = 2**23
"""Characters of a document's code over all its tokens, each of which repeats it: evidence must fit in a record."""
_NOTE_CODE: Final = f"{LOINC}|34109-9"
"""`Note`, for a document without a type."""


class NoteEncoder(Protocol):
    """What turns a note into a vector, so that its text need not travel."""

    weights: str
    """SHA-256 of all that the vector depends on."""

    def encode_note(self, text: str) -> Vector:
        """Encode a text that is not empty; never log it."""


@dataclass(frozen=True)
class Document:
    """What one DocumentReference says."""

    tokens: tuple[ObservationToken, ...] = ()
    vectors: tuple[Vector, ...] = ()
    flags: tuple[str, ...] = ()


def read_document(model: Any, at: datetime, notes: NoteEncoder | None) -> Document:
    """Every attachment: a note read, or a token that says it was not. `notes` of None: text travels as a token."""
    code = code_of(model.type) or _NOTE_CODE
    texts = [_plain_text(content.attachment) for content in model.content or ()]
    if len(code) * len(texts) > _LARGEST_CODES:
        raise Refused(
            Reason.TOO_LARGE, f"a document of {len(texts)} attachments, its code {len(code)} long; send it in parts"
        )
    read = [text for text in texts if text is not None]
    most = _LONGEST_TOKEN if notes is None else _LONGEST_READ
    doubts = ("status-unknown",) if model.docStatus == "unknown" else ()
    flags = (
        *doubts,
        *([NOTE_CUT] if any(len(text) > most for text in read) else ()),
        *([TEXT_CUT] if is_cut(model.type) else ()),
    )
    if notes is None:
        return Document(tokens=tuple(_token(code, text, at, doubts) for text in texts), flags=flags)
    return Document(
        tokens=tuple(_token(code, text, at, doubts) for text in texts if text is None),
        vectors=tuple(notes.encode_note(text[:most]) for text in read),
        flags=flags,
    )


def _token(code: str, text: str | None, at: datetime, doubts: tuple[str, ...]) -> ObservationToken:
    read = "note-unread" if text is None else "note"
    return ObservationToken(code=code, answer=(text or "")[:_LONGEST_TOKEN], at=at, flags=(read, *doubts))


def _plain_text(attachment: Any) -> str | None:
    """The text of an inline text/plain attachment; None where there is none, or elsewhere, or in another form."""
    if attachment is None or attachment.data is None:  # null, which the library lets pass
        return None
    kind = attachment.contentType or ""
    if len(kind) > _LONGEST_TYPE:
        return None
    try:
        told = EmailMessage()
        told["content-type"] = kind or "unknown/unknown"
        if told.get_content_type() != "text/plain":
            return None
        text = str(attachment.data.decode(told.get_content_charset("utf-8")))  # the library has undone the base64
    except (ValueError, LookupError):  # a header, a text or a charset that is none
        return None
    return None if "\0" in text else text.strip() or None
