"""A result in words: the XHTML that a person reads at the head of the report."""

from collections.abc import Iterable
from html import escape

from schemas.fhir_frame import (
    DISCLAIMER,
    abstains,
    abstention,
    caveats,
    method,
    moment,
    ranked,
    readable,
    withdrawn,
)
from schemas.fhir_risk import median_words, outcome_name
from schemas.result import Result


def conclusion(result: Result) -> str:
    """One sentence: the likeliest diagnosis, or plainly that there is none, and the disclaimer."""
    if withdrawn(result):
        said = "This result is withdrawn; nothing said in an earlier revision may be used."
    elif result.diagnosis is None or abstains(result):
        said = f"No diagnosis is offered: the model abstained ({abstention(result)})."
    else:
        label, probability = ranked(result.diagnosis)[0]
        said = f"Most probable: {readable(label)} ({_percent(probability)})."
    return f"{said} {DISCLAIMER}"


def narrative(result: Result) -> str:
    """The report's `text.div`: what is said, with its doubt, what was imputed, and what to do next."""
    history = result.history
    head = f"<h2>Oncology assessment, revision {history.revision} ({history.status.value})</h2>"
    said = [head, _line(conclusion(result)), _items("To be known", caveats(result)[1:])]
    if not withdrawn(result):
        said += [*_predictions(result), *_advice(result)]
    upto = f" Evidence up to {moment(result)}." if moment(result) else ""
    said.append(_line(f"Model {method(result)['text']}.{upto}"))
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(said)}</div>'


def _predictions(result: Result) -> Iterable[str]:
    if result.diagnosis is not None:
        rows = [(label, _percent(p)) for label, p in ranked(result.diagnosis)]
        yield _table("Probability of each diagnosis", rows)
        named = ", ".join(readable(label) for label in result.diagnosis.conformal_set) or "none"
        yield _line(f"Not ruled out at {_percent(1 - result.diagnosis.alpha)} coverage: {named}.")
    for endpoint, survival in sorted(result.prognosis.items()):
        risks = [(f"Risk within {_years(horizon)}", _percent(p)) for horizon, p in sorted(survival.risk.items())]
        yield _table(outcome_name(endpoint), [*risks, ("Time to event", median_words(survival))])
    options = [(option, _percent(p)) for option, p in sorted(result.treatment.items())]
    yield _table("Probability of response (associations, no claim of a causal effect)", options)


def _advice(result: Result) -> Iterable[str]:
    if result.doubt is not None:
        parts = ("data", "imputation", "model", "shots", "hardware")
        split = ", ".join(f"{name} {getattr(result.doubt, name):.3f}" for name in parts)
        yield _line(f"Doubt: {result.doubt.total:.3f} nats ({split}).")
    imputed = set(result.imputed)
    absences = [(m, why) for m, why in sorted(result.missing.items())]
    yield _items("Missing", [f"{m.value}: {why.value}{', imputed' if m in imputed else ''}" for m, why in absences])
    steps = [f"{step.modality.value}: doubt expected to fall by {step.expected_drop:.3f} nats" for step in result.next]
    yield _items("To order next", steps)
    yield _items("For a person to review", result.review)


def _years(horizon: str) -> str:
    """`1y` -> `1 year`."""
    number = horizon.removesuffix("y")
    return f"{number} year" if number == "1" else f"{number} years"


def _percent(probability: float) -> str:
    return f"{100 * probability:.1f} %"


def _line(text: str) -> str:
    return f"<p>{escape(readable(text))}</p>"


def _items(title: str, items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape(readable(item))}</li>" for item in items)
    return f"<p>{title}</p><ul>{lines}</ul>" if lines else ""


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td>{escape(readable(name))}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table><caption>{escape(title)}</caption><tbody>{lines}</tbody></table>" if lines else ""
