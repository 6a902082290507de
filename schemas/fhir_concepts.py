"""FHIR's concepts as `system|code`, by preference of systems; else by their words, of which a token holds a few."""

from typing import Any, Final

from schemas.canonical_units import LOINC

LONGEST_WORDS: Final = 256
"""Characters of words that a token holds, be they a code's or an answer's."""
TEXT_CUT: Final = "text-cut"
"""Flag of evidence whose tokens hold only the beginning of some words."""
_PREFERRED: Final = (
    *(LOINC, "http://snomed.info/sct"),
    *("http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm"),
)


def code_of(concept: Any, own: str = "") -> str:
    """`system|code` of a CodeableConcept: LOINC, then SNOMED CT, then ICD-10, then the first coding, then its words.

    `own` is the system of a required binding, which comes before all others.
    """
    if coded := _coded(concept):
        chosen = min(coded, key=lambda coding: (coding.system != own, _preference(coding)))  # the first of equals
        return f"{chosen.system or ''}|{chosen.code}"
    words = _words(concept)
    return f"text|{words[:LONGEST_WORDS]}" if words else ""


def codes_in(concept: Any, system: str) -> tuple[str, ...]:
    """The codes of one system among the codings of a CodeableConcept."""
    return tuple(coding.code for coding in _codings(concept) if coding.system == system and coding.code)


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


def _preference(coding: Any) -> int:
    return _PREFERRED.index(coding.system) if coding.system in _PREFERRED else len(_PREFERRED)
