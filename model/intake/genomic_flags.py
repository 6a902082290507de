"""What a genomic token is flagged with, beside whether its variant was found: bounds, absence, kind of variant."""

from typing import Any, Final

from model.intake.variant_words import word
from schemas.canonical_units import LOINC
from schemas.fhir_concepts import code_of, codes_in
from schemas.tokens import BENIGN

SIGNIFICANCE: Final = "53037-8"
SOURCE_CLASS: Final = "48002-0"
_BENIGN: Final = frozenset({"LA6675-8", "LA26334-5", "LA6674-1"})  # benign, likely, presumed
_BENIGN_WORDS: Final = frozenset({"benign", "likely benign", "benign/likely benign"})  # ClinVar's
_GERMLINE: Final = frozenset({"LA6683-2", "LA18194-3"})  # germline, likely


def bound(name: str, comparator: str | None) -> tuple[str, ...]:
    """The flag of a number that is known as a bound alone: `vaf<`, `depth>=`."""
    return () if comparator is None else (f"{name}{comparator}",)


def absent(observation: Any) -> tuple[str, ...]:
    """Why the value is not there, where the sender says so."""
    reason = observation.dataAbsentReason
    return () if reason is None else (f"absent-{code_of(reason).rpartition('|')[2] or 'unknown'}",)


def kind_of_variant(named: dict[str, list[Any]]) -> set[str]:
    """`benign` where every significance says so, whatever the disease; `germline` where a source class does."""
    judged, sources = named.get(SIGNIFICANCE, ()), named.get(SOURCE_CLASS, ())
    flags = {BENIGN} if judged and all(map(_is_benign, judged)) else set[str]()
    return flags | ({"germline"} if any(not _GERMLINE.isdisjoint(_answers(part)) for part in sources) else set())


def _is_benign(part: Any) -> bool:
    answers = _answers(part)
    return _BENIGN.issuperset(answers) if answers else word(part).casefold() in _BENIGN_WORDS


def _answers(part: Any) -> tuple[str, ...]:
    return codes_in(part.valueCodeableConcept, LOINC)
