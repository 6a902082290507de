"""A result's findings as FHIR Observations: diagnosis, conformal set, response, doubt, and what it all rests on."""

from collections.abc import Callable

from schemas.evidence import TIMELESS, Modality
from schemas.fhir_claims import abstains, abstention, caveats, doubted, labelled, predicts
from schemas.fhir_concepts import TEXT_CUT
from schemas.fhir_frame import (
    STATUS,
    UCUM,
    Json,
    code,
    method,
    percentage,
    ranked,
    readable,
    resource,
    subject,
    when,
    withdrawn,
)
from schemas.result import Result

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CUT = {"truncated", TEXT_CUT}
"""Flags of evidence of which only a part was read."""
_INDETERMINATE: Json = {
    "interpretation": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                    "code": "IND",
                    "display": "Indeterminate",
                }
            ],
            "text": "Abstained: not offered",
        }
    ]
}


def observations(result: Result, device: str) -> list[Json]:
    """One Observation a finding, always the same five, so that a withdrawal reaches each of them."""
    return [_observation(result, device, name, text, say) for name, (text, say) in _FINDINGS.items()]


def _observation(result: Result, device: str, name: str, text: str, say: Callable[[Result], Json]) -> Json:
    said = _absent("unknown", "withdrawn") if withdrawn(result) else say(result)
    return {
        **resource(result, "Observation", name),
        "status": STATUS[result.history.status],
        "code": code("finding", name, text),
        "subject": subject(result),
        **when(result, "effectiveDateTime", "issued"),
        "note": [{"text": caveat} for caveat in caveats(result)],
        "method": method(result),
        "device": {"reference": device},
        **said,
    }


def _diagnosis(result: Result) -> Json:
    """The likeliest label as the value, or why there is none; every label's probability as a component.

    Where the result abstains, each probability is marked as indeterminate: whoever reads components alone must see it.
    """
    if result.diagnosis is None or not labelled(result):
        return _unpredicted(result, "no diagnosis is predicted by this network")
    likely = ranked(result.diagnosis)
    shares = [_share(label, p) for label, p in likely]
    if abstains(result):
        marked = _components([share | _INDETERMINATE for share in shares]) | _INDETERMINATE
        return _absent("unknown", f"abstained: {abstention(result)}") | marked
    return {"valueCodeableConcept": {"text": readable(likely[0][0])}} | _components(shares)


def _conformal(result: Result) -> Json:
    if result.diagnosis is None or not labelled(result):
        return _unpredicted(result, "no diagnosis is predicted by this network")
    level = {"code": code("finding", "coverage", "Coverage"), "valueQuantity": percentage(1 - result.diagnosis.alpha)}
    members = [
        {"code": code("finding", "member", "Member of the set"), "valueCodeableConcept": {"text": readable(label)}}
        for label in result.diagnosis.conformal_set
    ]
    none = {} if members else {"valueString": "empty: no label is plausible at this level"}
    return none | _components([level, *members])


def _response(result: Result) -> Json:
    if not result.treatment:
        return _unpredicted(result, "no option is predicted by this network")
    return _components([_share(option, p) for option, p in sorted(result.treatment.items())])


def _doubt(result: Result) -> Json:
    if result.doubt is None:
        return _absent("unknown", "no prediction to doubt")
    about = doubted(result)
    if not about:
        return _absent("not-applicable", "this network predicts neither diagnosis nor survival")
    named = {"code": code("finding", "doubt", f"Doubt about {about} (entropy)")}
    parts = {name: getattr(result.doubt, name) for name in ("data", "imputation", "model", "shots", "hardware")}
    return (
        named
        | {"valueQuantity": _nats(result.doubt.total)}
        | _components(
            [
                {"code": code("doubt", name, f"From {name}"), "valueQuantity": _nats(part)}
                for name, part in parts.items()
            ]
        )
    )


def _evidence(result: Result) -> Json:
    """Each modality: measured, imputed or absent."""
    return _components(
        [
            {
                "code": code("modality", modality.value, f"{modality.value.capitalize()} evidence"),
                "valueCodeableConcept": _availability(result, modality),
            }
            for modality in Modality
        ]
    )


def _availability(result: Result, modality: Modality) -> Json:
    why = f" ({result.missing[modality].value})" if modality in result.missing else ""
    if modality in result.imputed:
        return code("availability", "imputed", f"imputed, not measured{why}")
    if any(used.modality is modality for used in result.evidence):
        return code("availability", "measured", f"measured: {measured(result, modality)}")
    return code("availability", "absent", f"absent{why}")


def measured(result: Result, modality: Modality) -> str:
    """How much of a modality was used, and of when: `2 sources, of 2026-03-01 to 2026-03-04`."""
    used = [piece for piece in result.evidence if piece.modality is modality]
    days = sorted({piece.occurred_at.date().isoformat() for piece in used if TIMELESS not in piece.flags})
    span = f", of {' to '.join(dict.fromkeys((days[0], days[-1])))}" if days else " without a time"
    cut = sum(not _CUT.isdisjoint(piece.flags) for piece in used)
    return f"{len(used)} source{'s' if len(used) > 1 else ''}{span}{f'; {cut} read in part' if cut else ''}"


def _share(label: str, probability: float) -> Json:
    return {"code": {"text": readable(label)}, "valueQuantity": percentage(probability)}


def _nats(value: float) -> Json:
    """Entropy in nats: a pure number in UCUM."""
    return {"value": value, "unit": "nat", "system": UCUM, "code": "1"}


def _absent(reason: str, text: str) -> Json:
    return {"dataAbsentReason": {"coding": [{"system": ABSENT, "code": reason}], "text": text}}


def _unpredicted(result: Result, text: str) -> Json:
    """Why there is nothing: the network predicts no such thing, or there was no evidence to ask it about."""
    return (
        _absent("not-performed", text) if predicts(result) else _absent("unknown", f"abstained: {abstention(result)}")
    )


def _components(components: list[Json]) -> Json:
    return {"component": components} if components else {}


_FINDINGS: dict[str, tuple[str, Callable[[Result], Json]]] = {
    "diagnosis": ("Predicted diagnosis", _diagnosis),
    "conformal-set": ("Set meant to hold the true diagnosis (conformal set)", _conformal),
    "treatment-response": ("Predicted response to treatment (associations; no claim of a causal effect)", _response),
    "doubt": ("Doubt (entropy)", _doubt),
    "evidence": ("Evidence that the result rests on", _evidence),
}
