"""A result as one readable line."""

from collections.abc import Iterator

from schemas.result import Result, Survival

_LEAST_CHANGE = 0.005
"""A probability that moves by less is said to stand."""


def line_of(result: Result, before: Result | None = None) -> str:
    """Patient, status, revision, cause, then what is said: diagnosis, key numbers, what is imputed and missing.

    `before` is an earlier revision of the same patient: then also how the response that goes with each treatment moved.
    """
    history = result.history
    head = f"{result.patient}  {history.status.value} r{history.revision} ({history.cause.value})"
    moved = _moved(result, before) if before is not None else ""
    return "  ".join([head, *_said(result), *([moved] if moved else [])])


def _said(result: Result) -> Iterator[str]:
    if result.diagnosis is not None:
        yield _diagnosis(result)
    elif result.abstained:
        yield f"abstains: {result.abstained}"
    yield from (_survival(name, curve) for name, curve in list(result.prognosis.items())[:2])
    if result.doubt is not None:
        yield f"doubt {result.doubt.total:.2f} nats"
    if result.imputed:
        yield f"imputed {', '.join(result.imputed)}"
    if result.missing:
        yield "missing " + ", ".join(f"{modality} ({why})" for modality, why in result.missing.items())
    if result.review:
        yield f"review {len(result.review)}"


def _moved(result: Result, before: Result) -> str:
    """What new evidence did to the probability of response: an association, not an effect of the treatment."""
    steps = {
        option: chance - before.treatment[option]
        for option, chance in result.treatment.items()
        if option in before.treatment
    }
    told = [f"{option} {step:+.2f}" for option, step in sorted(steps.items()) if abs(step) >= _LEAST_CHANGE]
    return f"predicted response since r{before.history.revision}: {', '.join(told)}" if told else ""


def _diagnosis(result: Result) -> str:
    said = result.diagnosis
    if said is None or not said.probabilities:
        return "no diagnosis"
    label, probability = max(said.probabilities.items(), key=lambda pair: pair[1])
    plausible = f"{{{', '.join(said.conformal_set)}}}"
    if result.abstained:
        return f"abstains ({result.abstained}; {label} {_chance(probability)}) {plausible}"
    return f"{label} {_chance(probability)} {plausible}"


def _survival(endpoint: str, curve: Survival) -> str:
    horizon, risk = next(((name, curve.risk[name]) for name in ("3y", "1y", "5y") if name in curve.risk), ("", 0.0))
    end = f"not reached in {curve.edges_days[-1]:.0f} d"
    median = end if curve.median_days is None else f"{curve.median_days:.0f} d"
    at = f" {horizon} risk {_chance(risk)}" if horizon else ""
    return f"{endpoint}{at}, median {median}"


def _chance(probability: float) -> str:
    """Two decimals, and never certainty: what is rounded to 0 or 1 is neither."""
    shown = f"{probability:.2f}"
    return {"0.00": "<0.01", "1.00": ">0.99"}.get(shown, shown)
