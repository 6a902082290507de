"""Genomics-Reporting Observations (variants, TMB, MSI) as variant tokens of the genomic modality."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from model.intake.genomic_flags import absent, bound, kind_of_variant
from model.intake.variant_calls import VARIANT, calls_of
from model.intake.variant_words import genes, word
from model.intake.whole_genome import BURDEN, INSTABILITY, burden, instability
from model.readers.chromosomes import change_at
from model.readers.consequences import severity
from model.readers.sequence_ontology import SO_TERMS
from schemas.canonical_units import LOINC
from schemas.errors import Reason, Refused
from schemas.fhir_concepts import code_of, codes_in
from schemas.fhir_values import Value, value_of
from schemas.tokens import VariantToken

GENOMIC_CODES: Final = frozenset({VARIANT, BURDEN, INSTABILITY})
"""LOINC numbers of Observations that are genomic evidence."""

_GENE, _CONSEQUENCE = "48018-6", ("transcript-consequence", "feature-consequence", "molecular-consequence")
_FRACTION, _DEPTH = "81258-6", "82121-5"
"""The second by its definition counts the reads with the allele; in HL7's own oncology report, and as most laboratories
send it, it is the depth: there `fraction x depth` is a whole number of reads in each of its 12 variants."""
_CHANGES: Final = ("48004-6", "48005-3", "81290-9")  # c., p. and g. HGVS, the first that is there
_COORDINATES: Final = "92822-6"
_FIRST_BASE: Final = {"LA30100-4": 0, "LA30101-2": 0, "LA30102-0": 1}
"""What the first base of a chromosome is called: by intervals, by characters from 0, by characters from 1."""


def is_genomic(concept: Any) -> bool:
    """Whether the code of a validated Observation makes it genomic evidence."""
    return not GENOMIC_CODES.isdisjoint(codes_in(concept, LOINC))


def variant_tokens(observation: Any, at: datetime) -> tuple[VariantToken, ...]:
    """The tokens of a genomic Observation: of a variant in several genes (a fusion) one each."""
    codes = codes_in(observation.code, LOINC)
    if VARIANT in codes:
        return tuple(_variants(observation, at))
    return (burden(observation, at) if BURDEN in codes else instability(observation, at),)


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
    bounds = {*bound("vaf", fraction.comparator), *bound("depth", depth.comparator)}
    consequences = next((named[name] for name in _CONSEQUENCE if name in named), ())
    variant = VariantToken(
        change=_change(parts),
        consequence=min(map(_consequence, consequences), key=severity, default=""),
        vaf=_fraction(fraction.value),
        depth=None if depth.value is None else _count(depth.value),
        at=at,
        flags=tuple(sorted(calls | bounds | kind_of_variant(named) | set(absent(observation)))),
    )
    changes = [part for code in _CHANGES for part in named.get(code, ())]
    for gene in genes(named.get(_GENE, []), changes) or ("",):
        yield variant.model_copy(update={"gene": gene})


def _change(parts: dict[str, Any]) -> str:
    for number in _CHANGES:
        if named := word(parts.get(number), first="code"):
            return named
    chromosome, reference, alternative = (word(parts.get(number)) for number in ("48000-4", "69547-8", "69551-0"))
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
    return next((SO_TERMS[code] for code in codes if code in SO_TERMS), word(part))


def _number(part: Any, number: str) -> Value:
    return (None if part is None else value_of(f"{LOINC}|{number}", part)) or Value()


def _fraction(fraction: float | None) -> float | None:
    if fraction is not None and not 0 <= fraction <= 1:
        raise Refused(Reason.NOT_FHIR, "an allele fraction outside 0 to 1; send it with the unit 1 or %")
    return fraction


def _count(number: float) -> int:
    if not 0 <= number < 2**53:
        raise Refused(Reason.NOT_FHIR, "a read depth or a position that is no count; send a whole number")
    return round(number)
