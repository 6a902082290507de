"""Mutational burden (TMB) and microsatellite instability (MSI) of an Observation, each as one token."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from model.intake.genomic_flags import absent, bound
from model.intake.variant_calls import INDETERMINATE
from schemas.canonical_units import LOINC
from schemas.errors import Reason, Refused
from schemas.fhir_concepts import codes_in
from schemas.fhir_values import Value, unit_of, value_of
from schemas.tokens import VariantToken
from schemas.units import conversion_of

BURDEN: Final = "94076-7"
INSTABILITY: Final = "81695-9"
_STABLE, _LOW, _HIGH = (0.0, "msi-stable"), (0.5, "msi-low"), (1.0, "msi-high")
_MSI: Final = {
    "LA14122-8": _STABLE,
    "LA26202-4": _LOW,
    "LA26203-2": _HIGH,
    "LA14123-6": _HIGH,  # "unstable"
}
_MSI_WORDS: Final = {
    **dict.fromkeys(("mss", "stable", "msi stable", "microsatellite stable"), _STABLE),
    **dict.fromkeys(("msi l", "msi low", "low", "microsatellite instability low"), _LOW),
    **dict.fromkeys(("msi h", "msi high", "high", "microsatellite instability high"), _HIGH),
}
"""As LOINC, registries (NAACCR data item 3890) and the NCI Thesaurus name them; in lower case, without hyphens."""


def burden(observation: Any, at: datetime) -> VariantToken:
    """Mutations per megabase, as sent: senders write that unit in many ways, but it must be one."""
    quantity, found = observation.valueQuantity, value_of("", observation) or Value()
    if quantity is None and (found.answer or found.value is not None):
        raise Refused(Reason.UNSUPPORTED, "a mutational burden that is no quantity; send mutations per megabase as one")
    if quantity is None or quantity.value is None:
        return VariantToken(change="TMB", at=at, flags=absent(observation) or ("absent-unknown",))
    if quantity.code is not None:
        conversion_of("", unit_of(quantity))
    value = float(quantity.value)
    if not 0 <= value < math.inf:  # FHIR's decimal may be too large for a double
        raise Refused(Reason.NOT_FHIR, "a mutational burden that is no amount; send mutations per megabase")
    flags = (*absent(observation), *bound("value", quantity.comparator))
    return VariantToken(change="TMB", value=value, at=at, flags=flags)


def instability(observation: Any, at: datetime) -> VariantToken:
    """MSI as 0 (stable), 0.5 (low) or 1 (high); as the number sent, where its interpretation does not say which.

    A number has the scale of its method, and 0.42 of the loci may be high.
    """
    answers = codes_in(observation.valueCodeableConcept, LOINC)
    said = _coded(answers) or (set() if answers else _in_words(observation))
    found = value_of("", observation) or Value()
    if not found.answer:
        said = _coded(code for concept in observation.interpretation or () for code in codes_in(concept, LOINC))
    if len(said) > 1 or (found.answer and not said and INDETERMINATE not in answers):
        raise Refused(
            Reason.UNSUPPORTED,
            "an MSI status that is none, or several; send LA14122-8 (stable), LA26202-4 (low), LA26203-2 (high) or "
            f"{INDETERMINATE} (indeterminate) of LOINC",
        )
    if said and observation.dataAbsentReason is None:
        ((value, flag),) = said
        return VariantToken(change="MSI", value=value, at=at, flags=(flag,))
    unknown = () if found.value is not None else ("indeterminate",)
    flags = (*found.flags, *unknown, *bound("value", found.comparator))
    return VariantToken(change="MSI", value=found.value, at=at, flags=tuple(sorted(flags)))


def _coded(answers: Iterable[str]) -> set[tuple[float, str]]:
    return {_MSI[answer] for answer in answers if answer in _MSI}


def _in_words(observation: Any) -> set[tuple[float, str]]:
    """What its words say, be they a string, a concept's text or the display of another system's code."""
    concept = observation.valueCodeableConcept
    said = [observation.valueString]
    if concept is not None:
        said = [concept.text, *(coding.display for coding in concept.coding or ())]
    words = (" ".join(one.casefold().replace("-", " ").split()) for one in said if one)
    return {_MSI_WORDS[one] for one in words if one in _MSI_WORDS}
