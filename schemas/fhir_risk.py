"""A result's prognosis as a FHIR RiskAssessment: probabilities are percentages there."""

from schemas.fhir_frame import (
    STATUS,
    UCUM,
    Json,
    caveats,
    code,
    method,
    percent,
    readable,
    resource,
    subject,
    when,
    withdrawn,
)
from schemas.result import Result, Survival

_OUTCOMES = {"OS": "Death of any cause", "RFS": "Recurrence or death", "PFS": "Progression or death"}


def risk_assessment(result: Result, device: str, basis: str) -> Json:
    """The risk of every endpoint at every horizon; medians are notes. A withdrawn one predicts nothing."""
    prognosis = {} if withdrawn(result) else dict(sorted(result.prognosis.items()))
    predictions = [
        _prediction(endpoint, horizon, risk)
        for endpoint, survival in prognosis.items()
        for horizon, risk in sorted(survival.risk.items())
    ]
    medians = [_median(endpoint, survival) for endpoint, survival in prognosis.items()]
    return {
        **resource(result, "RiskAssessment", "prognosis"),
        "status": STATUS[result.history.status],
        "method": method(result),
        "code": code("finding", "prognosis", "Prognosis"),
        "subject": subject(result),
        **when(result, "occurrenceDateTime"),
        "performer": {"reference": device},
        "basis": [{"reference": basis}],
        **({"prediction": predictions} if predictions else {}),
        "note": [{"text": text} for text in [*caveats(result), *medians]],
    }


def outcome_name(endpoint: str) -> str:
    """What an endpoint counts, in words where it is a known one: `Death of any cause (OS)`."""
    known = _OUTCOMES.get(endpoint)
    return f"{known} ({endpoint})" if known else readable(endpoint)


def median_words(survival: Survival) -> str:
    """`median 430 days, 80 % interval 300 to 610 days`; an end the curve never reaches is `not reached`."""
    low, high = (_days(value) for value in survival.median_interval_days)
    return f"median {_days(survival.median_days)}, 80 % interval {low} to {high}"


def _prediction(endpoint: str, horizon: str, risk: float) -> Json:
    years = float(horizon.removesuffix("y"))
    return {
        "outcome": {"text": outcome_name(endpoint)},
        "probabilityDecimal": percent(risk),
        "whenRange": {"low": _years(0), "high": _years(years)},
    }


def _years(value: float) -> Json:
    return {"value": value, "unit": "years", "system": UCUM, "code": "a"}


def _median(endpoint: str, survival: Survival) -> str:
    return f"{outcome_name(endpoint)}: {median_words(survival)}."


def _days(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.0f} days"
