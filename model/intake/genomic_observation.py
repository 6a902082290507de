"""Genomics-Reporting Observations (variants, TMB, MSI) as variant tokens of the genomic modality."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from model.intake.variant_calls import INDETERMINATE, VARIANT, calls_of
from model.readers.chromosomes import change_at
from model.readers.consequences import severity
from model.readers.sequence_ontology import SO_TERMS
from schemas.canonical_units import LOINC
from schemas.errors import Reason, Refused
from schemas.fhir_concepts import code_of, codes_in
from schemas.fhir_values import Value, unit_of, value_of
from schemas.tokens import VariantToken
from schemas.units import conversion_of

_BURDEN: Final = "94076-7"
_INSTABILITY: Final = "81695-9"
GENOMIC_CODES: Final = frozenset({VARIANT, _BURDEN, _INSTABILITY})
"""LOINC numbers of Observations that are genomic evidence."""

_GENE, _CONSEQUENCE = "48018-6", ("transcript-consequence", "feature-consequence", "molecular-consequence")
_FRACTION, _DEPTH = "81258-6", "82121-5"
_CHANGES: Final = ("48004-6", "48005-3", "81290-9")  # c., p. and g. HGVS, the first that is there
_COORDINATES: Final = "92822-6"
_FIRST_BASE: Final = {"LA30100-4": 0, "LA30101-2": 0, "LA30102-0": 1}
"""What the first base of a chromosome is called: by intervals, by characters from 0, by characters from 1."""
_MSI: Final = {
    "LA14122-8": (0.0, "msi-stable"),
    "LA26202-4": (0.5, "msi-low"),
    "LA26203-2": (1.0, "msi-high"),
    "LA14123-6": (1.0, "msi-high"),  # "unstable"
}


def is_genomic(concept: Any) -> bool:
    """Whether the code of a validated Observation makes it genomic evidence."""
    return not GENOMIC_CODES.isdisjoint(codes_in(concept, LOINC))


def variant_tokens(observation: Any, at: datetime) -> tuple[VariantToken, ...]:
    """The tokens of a genomic Observation: of a variant in several genes (a fusion) one each."""
    codes = codes_in(observation.code, LOINC)
    if VARIANT in codes:
        return tuple(_variants(observation, at))
    return (_burden(observation, at) if _BURDEN in codes else _instability(observation, at),)


def _variants(observation: Any, at: datetime) -> Iterator[VariantToken]:
    named = dict[str, list[Any]]()
    for part in observation.component or ():
        named.setdefault(code_of(part.code).rpartition("|")[2], []).append(part)
    parts = {code: several[-1] for code, several in named.items()}
    if any(len(named.get(once, ())) > 1 for once in (_FRACTION, _DEPTH)):
        raise Refused(Reason.UNSUPPORTED, "a variant of several allele fractions or depths; send one Observation each")
    calls = calls_of(observation)
    depth = _number(parts.get(_DEPTH), _DEPTH)
    fraction = Value(0.0) if "not-detected" in calls else _number(parts.get(_FRACTION), _FRACTION)
    bounds = {*_bound("vaf", fraction.comparator), *_bound("depth", depth.comparator)}
    consequences = next((named[name] for name in _CONSEQUENCE if name in named), ())
    variant = VariantToken(
        change=_change(parts),
        consequence=min(map(_consequence, consequences), key=severity, default=""),
        vaf=_fraction(fraction.value),
        depth=None if depth.value is None else _count(depth.value),
        at=at,
        flags=tuple(sorted(calls | bounds | set(_absent(observation)))),
    )
    genes = dict.fromkeys(filter(None, map(_word, named.get(_GENE, ()))))
    for gene in genes or ("",):
        yield variant.model_copy(update={"gene": gene})


def _change(parts: dict[str, Any]) -> str:
    for number in _CHANGES:
        if named := _word(parts.get(number), first="code"):
            return named
    chromosome, reference, alternative = (_word(parts.get(number)) for number in ("48000-4", "69547-8", "69551-0"))
    start = getattr(getattr(parts.get("81254-5"), "valueRange", None), "low", None)
    if reference and alternative and start is not None and start.value is not None:
        position = _count(float(start.value)) + 1 - _first_base(parts.get(_COORDINATES))
        return change_at(chromosome, position, reference, alternative)
    return "unspecified"


def _first_base(part: Any) -> int:
    """1, as in a VCF, where no coordinate system is named."""
    concept = None if part is None else part.valueCodeableConcept
    if concept is None:
        return 1
    known = [_FIRST_BASE[code] for code in codes_in(concept, LOINC) if code in _FIRST_BASE]
    if not known:
        raise Refused(
            Reason.NOT_FHIR,
            f"a coordinate system that LOINC {_COORDINATES} does not list; send {', '.join(_FIRST_BASE)} or HGVS",
        )
    return known[0]


def _consequence(part: Any) -> str:
    """A term of the Sequence Ontology by its number, else in the sender's words."""
    concept = part.valueCodeableConcept
    codes = [coding.code for coding in (concept.coding if concept else None) or ()]
    return next((SO_TERMS[code] for code in codes if code in SO_TERMS), _word(part))


def _word(part: Any, *, first: str = "display") -> str:
    """A component's answer in words (a gene's symbol), or by its code first (HGVS); `""` where it has none."""
    if part is None:
        return ""
    concept = part.valueCodeableConcept
    if concept is None:
        return str(part.valueString or "").strip()
    codings = concept.coding or ()
    said = [getattr(coding, field) for field in (first, "display") for coding in codings]
    said += [concept.text, *(coding.code for coding in codings)]
    return str(next((word for word in said if word), "")).strip()


def _number(part: Any, number: str) -> Value:
    return (None if part is None else value_of(f"{LOINC}|{number}", part)) or Value()


def _bound(name: str, comparator: str | None) -> tuple[str, ...]:
    """The flag of a number that is known as a bound alone: `vaf<`, `depth>=`."""
    return () if comparator is None else (f"{name}{comparator}",)


def _fraction(fraction: float | None) -> float | None:
    if fraction is not None and not 0 <= fraction <= 1:
        raise Refused(Reason.NOT_FHIR, "an allele fraction outside 0 to 1; send it with the unit 1 or %")
    return fraction


def _count(number: float) -> int:
    if not 0 <= number < 2**53:
        raise Refused(Reason.NOT_FHIR, "a read depth or a position that is no count; send a whole number")
    return round(number)


def _burden(observation: Any, at: datetime) -> VariantToken:
    """Mutations per megabase, as sent: senders write that unit in many ways, but UCUM must know it."""
    quantity, found = observation.valueQuantity, value_of("", observation) or Value()
    if quantity is None and (found.answer or found.value is not None):
        raise Refused(Reason.UNSUPPORTED, "a mutational burden that is no quantity; send mutations per megabase as one")
    if quantity is None or quantity.value is None:
        return VariantToken(change="TMB", at=at, flags=_absent(observation) or ("absent-unknown",))
    if quantity.code is not None:
        conversion_of("", unit_of(quantity))
    value = float(quantity.value)
    if not 0 <= value < math.inf:  # FHIR's decimal may be too large for a double
        raise Refused(Reason.NOT_FHIR, "a mutational burden that is no amount; send mutations per megabase")
    flags = (*_absent(observation), *_bound("value", quantity.comparator))
    return VariantToken(change="TMB", value=value, at=at, flags=flags)


def _instability(observation: Any, at: datetime) -> VariantToken:
    """MSI as 0 (stable), 0.5 (low) or 1 (high), or as the number sent."""
    answers = codes_in(observation.valueCodeableConcept, LOINC)
    known = [_MSI[answer] for answer in answers if answer in _MSI]
    found = value_of("", observation) or Value()
    said = {value for value, _ in known}
    if len(said) > 1 or (found.answer and not said and INDETERMINATE not in answers):
        raise Refused(
            Reason.UNSUPPORTED,
            "an MSI status that is none, or several; send LA14122-8 (stable), LA26202-4 (low), LA26203-2 (high) or "
            f"{INDETERMINATE} (indeterminate) of LOINC",
        )
    if known and observation.dataAbsentReason is None:
        return VariantToken(change="MSI", value=known[0][0], at=at, flags=(known[0][1],))
    unknown = () if found.value is not None else ("indeterminate",)
    flags = (*found.flags, *unknown, *_bound("value", found.comparator))
    return VariantToken(change="MSI", value=found.value, at=at, flags=tuple(sorted(flags)))


def _absent(observation: Any) -> tuple[str, ...]:
    absent = observation.dataAbsentReason
    return () if absent is None else (f"absent-{code_of(absent).rpartition('|')[2] or 'unknown'}",)
