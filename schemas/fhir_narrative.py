"""A result in words: the XHTML that a person reads at the head of the report."""

from collections.abc import Iterable
from html import escape
from math import log

from schemas.evidence import Modality
from schemas.fhir_claims import (
    abstains,
    abstention,
    caveats,
    claim,
    doubted,
    labelled,
    outcome_name,
    predicts,
    years_of,
)
from schemas.fhir_findings import measured
from schemas.fhir_frame import DISCLAIMER, method, moment, ranked, readable, withdrawn
from schemas.fhir_risk import median_words, unoffered
from schemas.picture import Absence
from schemas.result import Result

_UNOFFERED = " (not offered: the model abstained)"
_LEAST_NATS = 0.001
_ABSENCES = {
    Absence.NEVER_SEEN: "never received",
    Absence.STALE: "too old beside the newest evidence",
    Absence.WITHDRAWN: "withdrawn by its sender",
    Absence.UNREADABLE: "received, but could not be read",
    Absence.ENCODER_CHANGED: "not read for this network",
}


def conclusion(result: Result) -> str:
    """One sentence: the likeliest diagnosis, else the first risk, or plainly that there is none; and the disclaimer."""
    if withdrawn(result):
        said = "This result is withdrawn; nothing said in an earlier revision may be used."
    elif abstains(result):
        said = f"No {claim(result)} is offered: the model abstained ({abstention(result)})."
    elif result.diagnosis is not None and labelled(result):
        label, probability = ranked(result.diagnosis)[0]
        said = f"Most probable: {readable(label)} ({_percent(probability)})."
    else:
        said = f"{_first_risk(result)}No diagnosis is predicted by this network."
    return f"{said} {DISCLAIMER}"


def _first_risk(result: Result) -> str:
    """The risk of the first endpoint, which the doubt is about; empty where there is none."""
    for endpoint, curve in result.prognosis.items():
        for horizon in ("3y", "1y", "5y"):
            if horizon in curve.risk:
                risk = _percent(curve.risk[horizon])
                return f"{outcome_name(endpoint)} within {years_of(horizon)}: probability {risk}. "
    return ""


def narrative(result: Result) -> str:
    """The report's `text.div`: what is said, with its doubt, what was imputed, and what to do next."""
    history = result.history
    head = f"<h2>Oncology assessment, revision {history.revision} ({history.status.value})</h2>"
    said = [head, _line(conclusion(result)), _items("To be known", caveats(result)[1:])]
    if not withdrawn(result):
        said += [*_predictions(result), *_advice(result)]
    counted = "; risks count from then on" if result.prognosis and not withdrawn(result) else ""
    upto = f" Evidence up to {moment(result)}{counted}." if moment(result) else ""
    said.append(_line(f"Model {method(result)['text']}.{upto}"))
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(said)}</div>'


def _predictions(result: Result) -> Iterable[str]:
    if result.diagnosis is not None and labelled(result):
        rows = [(label, _percent(p)) for label, p in ranked(result.diagnosis)]
        yield _table(f"Probability of each diagnosis{_UNOFFERED if abstains(result) else ''}", rows)
        named = ", ".join(readable(label) for label in result.diagnosis.conformal_set) or "none"
        aim = _percent(1 - result.diagnosis.alpha)
        yield _line(f"Set meant to hold the true diagnosis of {aim} of patients: {named}. It rules out no other.")
    for endpoint, survival in sorted(result.prognosis.items()):
        risks = [(f"Risk within {years_of(horizon)}", _percent(p)) for horizon, p in sorted(survival.risk.items())]
        title = outcome_name(endpoint) + (_UNOFFERED if unoffered(result) else "")
        yield _table(title, [*risks, ("Time to event", median_words(survival))])
    options = [(option, _percent(p)) for option, p in sorted(result.treatment.items())]
    yield _table("Probability of response (associations, no claim of a causal effect)", options)


def _advice(result: Result) -> Iterable[str]:
    if result.doubt is not None and doubted(result):
        parts = ("data", "imputation", "model", "shots", "hardware")
        split = ", ".join(f"{name} {getattr(result.doubt, name):.3f}" for name in parts)
        most = log(len(result.diagnosis.probabilities)) if result.diagnosis and labelled(result) else log(2)
        scale = f"0 is certain, {most:.3f} is no idea"
        yield _line(f"Doubt about {doubted(result)}: {result.doubt.total:.3f} nats ({scale}), of {split}.")
    there = [modality for modality in Modality if any(piece.modality is modality for piece in result.evidence)]
    yield _items("Rests on", [f"{modality.value}: {measured(result, modality)}" for modality in there])
    absences = [(m, _ABSENCES[why]) for m, why in sorted(result.missing.items())]
    yield _items("Missing", [f"{m.value}: {why}{_instead(result, m)}" for m, why in absences])
    steps = [f"{step.modality.value}: doubt expected to fall by {_nats(step.expected_drop)}" for step in result.next]
    yield _items("What would lower the doubt most, if it came", steps)
    yield _items("For a person to review", [item.replace("|", ": ", 1) for item in result.review])


def _instead(result: Result, modality: Modality) -> str:
    if modality in result.imputed:
        return ", imputed"
    return ", not used by this network" if predicts(result) else ""


def _nats(value: float) -> str:
    return "less than 0.001 nats" if value < _LEAST_NATS else f"{value:.3f} nats"


def _percent(probability: float) -> str:
    """One decimal, and never certainty: what is rounded to 0 or 100 is neither."""
    shown = f"{100 * probability:.1f}"
    return {"0.0": "<0.1", "100.0": ">99.9"}.get(shown, shown) + " %"


def _line(text: str) -> str:
    return f"<p>{escape(readable(text))}</p>"


def _items(title: str, items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape(readable(item))}</li>" for item in items)
    return f"<p>{title}</p><ul>{lines}</ul>" if lines else ""


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td>{escape(readable(name))}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<p>{escape(title)}</p><table><tbody>{lines}</tbody></table>" if lines else ""
