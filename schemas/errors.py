"""How a message fails: for good (`Refused`, with a closed reason) or for now (`Unavailable`)."""

from enum import StrEnum

from schemas.evidence import Evidence


class Reason(StrEnum):
    """Why a message was set aside. A closed list: operators count by it, senders act on it."""

    NOT_JSON = "not-json"
    NOT_FHIR = "not-fhir"
    NOT_AN_EVENT = "not-an-event"
    UNKNOWN_VERSION = "unknown-version"
    UNKNOWN_UNIT = "unknown-unit"
    NO_PATIENT = "no-patient"
    TWO_PATIENTS = "two-patients"
    KEY_MISMATCH = "key-mismatch"
    NO_TIME = "no-time"
    NOTHING_TO_READ = "nothing-to-read"
    UNSUPPORTED = "unsupported"
    FILE_NOT_ALLOWED = "file-not-allowed"
    FILE_MISSING = "file-missing"
    SIZE_MISMATCH = "size-mismatch"
    HASH_MISMATCH = "hash-mismatch"
    UNREADABLE_FILE = "unreadable-file"
    TOO_LARGE = "too-large"
    UNKNOWN_FEATURES = "unknown-features"
    INTERNAL_ERROR = "internal-error"


class Refused(Exception):  # noqa: N818  a refusal is an answer, not an error of ours
    """This message never will work: set it aside with a reason, and go on.

    `detail` says what was found, what was wanted and the remedy; never patient data.
    """

    def __init__(self, reason: Reason, detail: str, *, evidence: tuple[Evidence, ...] = ()) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.evidence = evidence
        """To publish all the same: good pieces beside the bad one, and `unreadable` where its source is known."""

    def __reduce__(self) -> tuple[object, ...]:
        """How it comes back from another process, which would otherwise be taken for dead."""
        return type(self), (self.reason, self.detail), {"evidence": self.evidence}


class Unavailable(Exception):  # noqa: N818  nothing is wrong with the message
    """A dependency is away: the same message may work later. Retry, acknowledge nothing."""
