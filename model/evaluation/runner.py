"""Every fold of an evaluation: fitted on the other folds' patients, asked about its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.baselines.catalogue import contender
from model.batch_order import held_out
from model.cohort_data import CohortData
from model.cohorts.folder import read_survival
from model.descent import silent
from model.evaluation.fold import Contender, Forecast
from model.evaluation.folds import Assigned
from model.evaluation.forecasts import fold_of, forecast_of, predictions_of
from model.evaluation.linear_alone import LINEAR, linear_alone
from model.evaluation.masking import left_to_baselines, shown_alone
from model.evaluation.predictions import Prediction
from model.examples import Examples, Roles
from model.fitting import fit
from model.looking import Fitted, look
from model.train_settings import TrainSettings

OURS = "ours"
Kept = tuple[str, ...]
Speaks = Callable[[Kept, Tensor], tuple[Tensor, Forecast]]
"""(blocks kept, rows) -> those of the rows of whom anything is left, and what is said of them."""
Said = dict[tuple[str, Kept], list[Prediction]]
_NOTHING = Forecast(np.zeros((0, 0, 0)), np.zeros((0, 0)))
"""Of a fold of whose patients nothing is left: those with a rare block may all be in other folds."""


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated, and on whom."""

    data: CohortData
    folds: Sequence[Assigned]
    models: tuple[str, ...]
    """`ours`, the linear road alone, or baselines; what these look at is prepared once for all."""
    settings: TrainSettings
    views: tuple[Kept, ...] = ((),)
    """What test patients are shown: these blocks alone; none: all that they have. Baselines are fitted anew on them."""

    def cuts(self) -> list[tuple[int, int]]:
        """Every (repeat, fold), in order."""
        return sorted({(one.repeat, one.fold) for one in self.folds})


_shared: list[Evaluation] = []
"""Of a worker process: its one evaluation, given at its start."""


def evaluate(evaluation: Evaluation, workers: int) -> Iterator[tuple[float, Said]]:
    """Yield (share done, predictions of each model and view) a fold, in the order in which folds end.

    Workers are forked, so that the cohort is read once.
    """
    cuts = evaluation.cuts()
    with ProcessPoolExecutor(workers, get_context("fork"), _begin, (evaluation,)) as pool:
        found = [pool.submit(_fold, *cut) for cut in cuts]
        for done, future in enumerate(as_completed(found), start=1):
            yield done / len(cuts), future.result()


@dataclass(frozen=True)
class Cut:
    """Who does what in one fold."""

    roles: Roles
    tested: Tensor
    """Rows of the patients to be predicted."""
    seed: int
    """Of all that is fitted here."""


def cut_of(data: CohortData, folds: Sequence[Assigned], settings: TrainSettings, repeat: int, fold: int) -> Cut:
    """The patients of a fold are tested; those of the repeat's other folds train, and a share of them calibrates."""
    chosen = {one.patient: one.fold for one in folds if one.repeat == repeat}
    tested = torch.tensor([chosen.get(patient) == fold for patient in data.patients])
    others = torch.tensor([patient in chosen for patient in data.patients]) & ~tested
    seed = settings.seed + 1000 * repeat + 10 * fold
    held = held_out(data.patients, settings.held_share, seed) & others
    return Cut(Roles(others & ~held, held), torch.nonzero(tested).squeeze(1), seed)


def predict_fold(evaluation: Evaluation, repeat: int, fold: int) -> Said:
    """One fold's predictions of its patients; nothing of them is looked at before a model stands."""
    data = evaluation.data
    cut = cut_of(data, evaluation.folds, evaluation.settings, repeat, fold)
    seeded = replace(evaluation.settings, seed=cut.seed)
    speakers: dict[str, Speaks] = {}
    if OURS in evaluation.models:
        speakers[OURS] = _ours(fit(data, cut.roles, seeded, silent), data)
    baselines = [name for name in evaluation.models if name != OURS]
    if baselines:
        looked = look(data, cut.roles, seeded, silent)
        speakers |= {name: _beside(name, looked, data, seeded) for name in baselines}
    found: Said = {}
    for model, kept in product(evaluation.models, evaluation.views):
        seen, forecast = speakers[model](kept, cut.tested)
        names = [data.patients[row] for row in seen.tolist()]
        found[model, kept] = list(predictions_of(forecast, names, data.tasks, repeat, fold))
    return found


def _ours(fitted: Fitted, data: CohortData) -> Speaks:
    return _speaks(fitted, lambda _, examples, seen: forecast_of(fitted, examples, seen, data.patients))


def _beside(name: str, looked: Fitted, data: CohortData, settings: TrainSettings) -> Speaks:
    """The linear road alone, or a baseline."""
    if name in LINEAR:
        roads = replace(settings.roads, ridge=settings.roads.ridge.times(LINEAR[name]))
        says = linear_alone(looked, roads, settings.seed)
        return _speaks(looked, lambda _, examples, seen: says(examples, seen))
    return _baseline(contender(name), looked, data, settings.seed)


def _baseline(model: Contender, looked: Fitted, data: CohortData, seed: int) -> Speaks:
    times = times_of(data)

    def says(kept: Kept, examples: Examples, seen: Tensor) -> Forecast:
        cut = fold_of(looked, times, seen, seed)
        return model(left_to_baselines(cut, kept) if kept else cut)

    return _speaks(looked, says)


def _speaks(fitted: Fitted, says: Callable[[Kept, Examples, Tensor], Forecast]) -> Speaks:
    """Speaks of those of whom anything is left to be shown."""

    def speaks(kept: Kept, rows: Tensor) -> tuple[Tensor, Forecast]:
        examples = _shown(fitted, kept)
        seen = rows[examples.present[rows].any(1)]
        return seen, says(kept, examples, seen) if len(seen) else _NOTHING

    return speaks


def _shown(fitted: Fitted, kept: Kept) -> Examples:
    return shown_alone(fitted.examples, fitted.manifest.table, kept) if kept else fitted.examples


def times_of(data: CohortData) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Days, NaN where unknown, and events, each (N, P)."""
    rows = {patient: row for row, patient in enumerate(data.patients)}
    columns = {endpoint: column for column, endpoint in enumerate(data.tasks.endpoints)}
    days, event = np.full((len(rows), len(columns)), np.nan), np.zeros((len(rows), len(columns)), np.bool_)
    for time in read_survival(data.folder):
        if time.patient in rows:
            place = rows[time.patient], columns[time.endpoint]
            days[place], event[place] = time.time_days, time.event
    return days, event


def _begin(evaluation: Evaluation) -> None:
    torch.set_num_threads(1)
    _shared.append(evaluation)


def _fold(repeat: int, fold: int) -> Said:
    return predict_fold(_shared[-1], repeat, fold)
