"""Cox models on columns side by side: all of them under a ridge or an elastic net, or one block's."""

from model.baselines.classes import forecast_classes, ridge_logistic
from model.baselines.cox_model import cox_model
from model.baselines.elastic_cox import elastic_path, elastic_strengths
from model.baselines.known import Known, each_endpoint
from model.baselines.partial_likelihood import Array, PartialLikelihood
from model.baselines.ridge_cox import ridge_path
from model.baselines.tuning import Tuned, tune
from model.evaluation.fold import Contender, Fold, Forecast
from schemas.errors import Reason, Refused

RIDGES = (10_000.0, 3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
"""On the scale of the log partial likelihood summed over events; one is chosen for each endpoint."""
_ALL = slice(None)


def tuned_ridge(columns: Array, known: Known, seed: int) -> Tuned:
    """A ridge Cox on columns (n, C), as strong as inner folds want it."""
    return tune(ridge_path, columns, known, RIDGES, seed)


def cox(fold: Fold) -> Forecast:
    """Ridge Cox on all columns, a fit an endpoint (Cox 1972; Verweij & van Houwelingen 1994)."""
    return _ridge_forecast(fold, _ALL)


def coxnet(fold: Fold) -> Forecast:
    """Elastic-net Cox on all columns, a fit an endpoint."""

    def learn(known: Known) -> Array:
        columns = known.rows.columns
        strengths = elastic_strengths(columns, PartialLikelihood(known.days, known.event))
        tuned = tune(elastic_path, columns, known, strengths, fold.seed)
        return cox_model(tuned.coefficients, columns, known, fold.edges_days).survival(fold.test.columns)

    return Forecast(each_endpoint(fold, learn), forecast_classes(fold, _ALL, ridge_logistic(fold.seed)))


def single(block: str) -> Contender:
    """Ridge Cox on one block's columns alone; who does not have the block counts as the training mean."""

    def alone(fold: Fold) -> Forecast:
        if block not in fold.blocks:
            have = ", ".join(fold.blocks)
            raise Refused(Reason.UNSUPPORTED, f"no block {block} in this cohort; single: takes one of {have}")
        return _ridge_forecast(fold, fold.blocks[block])

    return alone


def _ridge_forecast(fold: Fold, columns: slice) -> Forecast:
    def learn(known: Known) -> Array:
        own = known.rows.columns[:, columns]
        coefficients = tuned_ridge(own, known, fold.seed).coefficients
        return cox_model(coefficients, own, known, fold.edges_days).survival(fold.test.columns[:, columns])

    return Forecast(each_endpoint(fold, learn), forecast_classes(fold, columns, ridge_logistic(fold.seed)))
