"""Whether a variant of an Observation was found, by HL7's Genomics Reporting: its value, else its interpretation."""

from typing import Any, Final

from schemas.canonical_units import LOINC
from schemas.code_systems import SNOMED, system_named
from schemas.errors import Reason, Refused
from schemas.fhir_values import value_of

VARIANT: Final = "69548-6"
INDETERMINATE: Final = "LA11884-6"
_INTERPRETED: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_CALLS: Final = {
    **{f"{LOINC}|{code}": "" for code in ("LA9633-4", "LA11882-0", "LA6576-8")},  # present, detected, positive
    **{f"{SNOMED}|{code}": "" for code in ("52101004", "260373001", "10828004")},
    **{f"{_INTERPRETED}|{code}": "" for code in ("POS", "DET")},
    **{f"{LOINC}|{code}": "not-detected" for code in ("LA9634-2", "LA11883-8", "LA6577-6")},
    **{f"{SNOMED}|{code}": "not-detected" for code in ("2667000", "260415000", "260385009")},
    **{f"{_INTERPRETED}|{code}": "not-detected" for code in ("NEG", "ND")},
    **{f"{LOINC}|LA18198-4": "no-call", f"{LOINC}|{INDETERMINATE}": "indeterminate"},
    f"{_INTERPRETED}|IND": "indeterminate",
}
"""What is said of a variant, as a flag; `""` where it is there, as it is where nothing is said."""


def calls_of(observation: Any) -> set[str]:
    """The flags of a variant that is not simply there. A value that is no call may mean either, so it is refused."""
    if observation.dataAbsentReason is not None:
        return {"no-call"}
    known = _known(observation.valueCodeableConcept)
    valued = value_of(f"{LOINC}|{VARIANT}", observation) is not None
    if not valued:
        known = set[str]().union(*map(_known, observation.interpretation or ()))
    if len(known) > 1 or (valued and not known):
        raise Refused(
            Reason.UNSUPPORTED,
            "a variant whose value is no call, or several; send LA9633-4 (present), LA9634-2 (absent), "
            f"LA18198-4 (no call) or {INDETERMINATE} (indeterminate) of LOINC",
        )
    return known - {""}


def _known(concept: Any) -> set[str]:
    codings = (concept.coding if concept else None) or ()
    said = (f"{system_named(coding.system)}|{coding.code}" for coding in codings)
    return {_CALLS[one] for one in said if one in _CALLS}
