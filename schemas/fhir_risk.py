"""A result's prognosis as a FHIR RiskAssessment: probabilities are percentages there."""

from datetime import timedelta

from schemas.fhir_claims import abstains, abstention, caveats, labelled, outcome_name, predicts, years_of
from schemas.fhir_frame import (
    STATUS,
    Json,
    code,
    instant,
    method,
    moment,
    percent,
    resource,
    subject,
    when,
    withdrawn,
)
from schemas.result import Result, Survival

_YEAR_DAYS = 365.25
_LAST_YEAR = 9998


def risk_assessment(result: Result, device: str, basis: str) -> Json:
    """The risk of every endpoint at every horizon; medians are notes. A withdrawn one predicts nothing."""
    prognosis = {} if withdrawn(result) else dict(sorted(result.prognosis.items()))
    predictions = [
        _prediction(result, endpoint, horizon, risk)
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
        "note": [{"text": text} for text in [*caveats(result), *(medians or _none(result))]],
    }


def median_words(survival: Survival) -> str:
    """The median, and how far the network's draws of it reach: a doubt about the median, never a spread of patients."""
    low, high = survival.median_interval_days
    if survival.median_days is None and low is None and high is None:
        return f"median not reached within {survival.edges_days[-1]:.0f} days"
    draws = f"{_days(low)} to {_days(high)} in 80 % of the network's draws; patients spread more widely"
    return f"median {_days(survival.median_days)} ({draws})"


def _prediction(result: Result, endpoint: str, horizon: str, risk: float) -> Json:
    since = " of the newest evidence" if moment(result) else ""
    abstained = f" Abstained ({abstention(result)}): not offered." if unoffered(result) else ""
    return {
        "outcome": {"text": outcome_name(endpoint)},
        "probabilityDecimal": percent(risk),
        **_period(result, float(horizon.removesuffix("y"))),
        "rationale": f"Within {years_of(horizon)}{since}.{abstained}",
    }


def unoffered(result: Result) -> bool:
    """Whether the abstention is about the risks themselves: where there is a diagnosis, it is about that."""
    return abstains(result) and not labelled(result)


def _period(result: Result, years: float) -> Json:
    """From the newest evidence on. Not `whenRange`, which is an age of the patient."""
    at = result.asked_at
    if at is None or not moment(result) or at.year + years > _LAST_YEAR:
        return {}
    return {"whenPeriod": {"start": instant(at), "end": instant(at + timedelta(days=_YEAR_DAYS * years))}}


def _none(result: Result) -> list[str]:
    return ["No survival is predicted by this network."] if predicts(result) and not withdrawn(result) else []


def _median(endpoint: str, survival: Survival) -> str:
    return f"{outcome_name(endpoint)}: {median_words(survival)}."


def _days(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.0f} days"
