"""FHIR's concepts as `system|code`, by preference of systems; else by their words, of which a token holds a few."""

from typing import Any, Final

from schemas.canonical_units import LOINC
from schemas.code_systems import ICD_10, ICD_10_CM, ICD_10_GM, SNOMED, system_named

LONGEST_WORDS: Final = 256
"""Characters of words that a token holds, be they a code's or an answer's."""
TEXT_CUT: Final = "text-cut"
"""Flag of evidence whose tokens hold only the beginning of some words."""
_PREFERRED: Final = (LOINC, SNOMED, ICD_10, ICD_10_CM, ICD_10_GM)


def code_of(concept: Any, own: str = "") -> str:
    """`system|code` of a CodeableConcept: LOINC, then SNOMED CT, then ICD-10, then the first coding, then its words.

    `own` is the system of a required binding, which comes before all others.
    """
    if coded := _coded(concept):
        named = [(system_named(coding.system), coding.code) for coding in coded]
        system, code = min(named, key=lambda one: (one[0] != own, _preference(one[0])))  # the first of equals
        return f"{system}|{code}"
    words = _words(concept)
    return f"text|{words[:LONGEST_WORDS]}" if words else ""


def codes_in(concept: Any, system: str) -> tuple[str, ...]:
    """The codes of one system among the codings of a CodeableConcept."""
    return tuple(coding.code for coding in _coded(concept) if system_named(coding.system) == system)


def is_cut(*concepts: Any) -> bool:
    """Whether `code_of` holds only the beginning of the words of one of these."""
    return any(not _coded(one) and len(_words(one)) > LONGEST_WORDS for one in concepts)


def _codings(concept: Any) -> tuple[Any, ...]:
    return tuple((concept.coding if concept else None) or ())


def _coded(concept: Any) -> list[Any]:
    return [coding for coding in _codings(concept) if coding.code]


def _words(concept: Any) -> str:
    said = (concept.text if concept else None, *(coding.display for coding in _codings(concept)))
    return " ".join(next(filter(None, said), "").split()).casefold()


def _preference(system: str) -> int:
    return _PREFERRED.index(system) if system in _PREFERRED else len(_PREFERRED)
