"""The plain linear road by itself, beside the network that holds it: what of a figure the road alone explains."""

from collections.abc import Callable

from torch import Tensor

from model.evaluation.fold import Forecast
from model.examples import Examples
from model.fitting import road_training
from model.linear import LinearRoad
from model.linear_roads import RoadSetting, fit_plain
from model.looking import Fitted, columns_of
from model.survival import torch_curves

LINEAR = {"linear": 1.0, "linear-x3": 3.0}
"""Name of the model -> times the road's ridge: the mark that stands beside ours (docs/evidence/hancock.md)."""
Says = Callable[[Examples, Tensor], Forecast]
"""(patients as they are shown, rows) -> what is said of these rows."""


def linear_alone(looked: Fitted, setting: RoadSetting, seed: int) -> Says:
    """The plain road fitted on the training patients of `looked`."""
    road = LinearRoad(looked.manifest.table, looked.manifest.tasks)
    fit_plain(road, road_training(looked, seed), setting)

    def says(examples: Examples, rows: Tensor) -> Forecast:
        scores = road.score(columns_of(looked.network, examples)[rows])
        logits = road(scores, examples.block[rows])
        curves, classes = torch_curves(logits.hazard.double()), logits.diagnosis.double().softmax(-1)
        return Forecast(curves.numpy(), classes.numpy())

    return says
