"""Imputers against missingness: ours and its baselines on a table of embeddings, with 0 to 80 % of slots hidden.

    python docs/evidence/imputers.py NETWORK TRAINED STRANGERS OUT

Embeddings are NETWORK's, of the cohort folder TRAINED that it was trained on and of STRANGERS that it never saw.
Fitted on the first with a share of the slots hidden; measured on the complete patients of the second, for every
subset shown and every target. Writes OUT/imputers.md and OUT/imputers.csv. ONCOSTREAM_BACKBONES names the folder of
NETWORK's frozen encoders, where it has any.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.evaluation.strangers import read_strangers
from model.imputer_baselines import BASELINES, Guess, MeanImputer
from model.imputer_calibration import Trial, coverage, trials
from model.imputer_training import DESCENT, fit_imputer
from streams.blobs import Blobs
from streams.file_rules import FileRules
from streams.settings import Places

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)
STOPPING = 0.2
"""Share of the training rows that stop and calibrate our imputer; the baselines train on them too."""
SEED = 0
Fit = Callable[[Tensor, Tensor], Guess]


@dataclass(frozen=True)
class Table:
    """Training rows and complete held-out rows, of the modalities that training has."""

    embeddings: Tensor
    """(N, M, D) float32."""
    present: Tensor
    """(N, M) bool."""
    trial: Trial
    """Every held-out complete row under every subset but the empty and the full one."""


@dataclass(frozen=True)
class Score:
    """How one imputer does on one target given one subset, fitted with a share of slots hidden."""

    hidden_share: float
    imputer: str
    shown: str
    target: int
    rows: int
    rmse: float
    rmse_of_mean: float
    nll: float
    covered_50: float
    covered_80: float
    covered_95: float


def read_table(network: Path, trained: Path, strangers: Path) -> Table:
    """Read both cohorts through the network; raises ValueError where nothing can be measured on them."""
    files = Blobs(FileRules(allowed_folders=(trained.resolve(), strangers.resolve())))
    train, held = (
        read_strangers(network, cohort, files, backbones=Places().backbones) for cohort in (trained, strangers)
    )
    used, width = train.examples.present.any(0), train.manifest.sizes.width
    complete = held.examples.present[:, used].all(1)
    if int(used.sum()) < 2 or not complete.any():
        found = f"{int(used.sum())} modalities in training and {int(complete.sum())} complete strangers"
        raise ValueError(f"{found}; wanted two and one at least: choose other cohorts")
    trial = trials(held.encoded[complete][:, used, :width], held.examples.present[complete][:, used])
    asked = trial.shown.any(1)
    known = train.examples.present.any(1)
    rows, present = train.encoded[known][:, used, :width], train.examples.present[known][:, used]
    return Table(rows, present, Trial(*(part[asked] for part in trial)))


def imputers() -> dict[str, Fit]:
    """Every imputer by name: rows (N, M, D), present (N, M) -> what guesses."""
    return {"ours": _ours(DESCENT.epochs), "ours without projectors": _ours(0), **BASELINES}


def _ours(epochs: int) -> Fit:
    def fit(embeddings: Tensor, present: Tensor) -> Guess:
        generator = torch.Generator().manual_seed(SEED)
        stopping = torch.rand(len(present), generator=generator) < STOPPING
        return fit_imputer(embeddings, present, stopping, generator, replace(DESCENT, epochs=epochs))

    return fit


def experiment(table: Table) -> Iterator[Score]:
    """All scores: share by share, imputer by imputer."""
    for share in SHARES:
        generator = torch.Generator().manual_seed(SEED)
        present = table.present & (torch.rand(table.present.shape, generator=generator) >= share)
        mean = MeanImputer(table.embeddings, present)
        for name, fit in imputers().items():
            print(f"{share:.0%} hidden: {name}", file=sys.stderr)
            yield from scores(share, name, fit(table.embeddings, present), mean, table.trial)


@torch.inference_mode()
def scores(share: float, name: str, guess: Guess, mean: Guess, trial: Trial) -> Iterator[Score]:
    """One imputer's score for each subset and target of the trial."""
    (guessed, variance), (plain, _) = guess(trial.embeddings, trial.shown), mean(trial.embeddings, trial.shown)
    for pattern in trial.shown.unique(dim=0):
        same = (trial.shown == pattern).all(1)
        for target in torch.nonzero(~pattern).flatten().tolist():
            m, v, t = guessed[same, target], variance[same, target], trial.embeddings[same, target]
            covered = coverage(m[:, None], v[:, None], t[:, None], torch.ones(len(t), 1, dtype=torch.bool))
            nll = float((0.5 * ((t - m).square() / v + v.log())).mean())
            rmse, of_mean = (float((t - said).square().mean().sqrt()) for said in (m, plain[same, target]))
            shown = "+".join(map(str, torch.nonzero(pattern).flatten().tolist()))
            yield Score(share, name, shown, target, len(t), rmse, of_mean, nll, *covered)


def page(found: list[Score], table: Table) -> str:
    """The Markdown page: for each share, each imputer's mean over all subsets and targets."""
    targets = len(table.present), int(table.trial.hidden.sum())
    lines = [
        "# Imputers against missingness",
        "",
        f"    python {' '.join(sys.argv)}",
        "",
        f"{targets[0]} training rows, {targets[1]} guesses of a stranger's embedding. Means over every subset shown",
        "and target; RMSE against the mean imputer's, Gaussian NLL a dimension without its constant. Each subset and",
        "target by itself is in `imputers.csv`.",
    ]
    for share in SHARES:
        head = "| imputer | RMSE | NLL | covered at 50 % | at 80 % | at 95 % |"
        lines += ["", f"## {share:.0%} of the training slots hidden", "", head, "|---|---|---|---|---|---|"]
        for name in imputers():
            own = [score for score in found if score.hidden_share == share and score.imputer == name]
            rows = [(s.rmse / s.rmse_of_mean, s.nll, s.covered_50, s.covered_80, s.covered_95) for s in own]
            rmse, nll, *covered = np.mean(rows, 0).tolist()
            lines.append(f"| {name} | {rmse:.3f} | {nll:.3f} | " + " | ".join(f"{c:.1%}" for c in covered) + " |")
    return "\n".join(lines) + "\n"


def main(network: Path, trained: Path, strangers: Path, out: Path) -> None:
    """Run the experiment and write the page and the scores."""
    torch.set_num_threads(1)
    table = read_table(network, trained, strangers)
    found = list(experiment(table))
    out.mkdir(parents=True, exist_ok=True)
    (out / "imputers.md").write_text(page(found, table), encoding="utf-8")
    with (out / "imputers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(found[0])), lineterminator="\n")
        writer.writeheader()
        for score in found:
            writer.writerow({k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(score).items()})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
