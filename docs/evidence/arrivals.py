"""Conformal coverage while modalities arrive in random order, and next-test advice against a fixed order.

    python docs/evidence/arrivals.py NETWORK COHORT > docs/evidence/arrivals.md

COHORT must be one that NETWORK never saw: `oncostream cohort synthetic --patients 1500 --seed 77 COHORT`.
ONCOSTREAM_BACKBONES names the folder of NETWORK's frozen encoders, where it has any.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.evaluation.arriving import Step, arrivals, at_random, by_advice, in_order, patterns_of
from model.evaluation.conformal import coverage_by_pattern
from model.evaluation.report import coverage_table
from model.evaluation.strangers import Strangers, read_strangers
from streams.blobs import Blobs
from streams.file_rules import FileRules
from streams.settings import Places

SEED, DRAWS = 0, 2000


def main(network: Path, cohort: Path) -> None:
    """Print the page."""
    torch.set_num_threads(1)
    files = Blobs(FileRules(allowed_folders=(cohort.resolve(),)))
    strangers = read_strangers(network, cohort, files, backbones=Places().backbones)
    labelled = strangers.examples.labels.diagnosis >= 0
    rows = torch.nonzero(labelled & strangers.examples.present.any(1)).squeeze(1)
    complete = rows[strangers.examples.present[rows].all(1)]
    sys.stdout.write(f"""# Modalities that arrive one after the other

    python docs/evidence/arrivals.py {network} COHORT > docs/evidence/arrivals.md

Network {strangers.manifest.model}; {len(rows)} synthetic patients with a known label that it never saw.

## Coverage of the conformal sets, modalities in random order

Wanted: at least {1 - strangers.manifest.alpha:.2f} less two standard errors for every pattern with 50 patients or more.

{_coverage(strangers, rows)}

## Next-test advice against a fixed order

{len(complete)} patients with all three modalities. One comes first, at random; the second is asked for by the greatest
expected drop of entropy, in a fixed order (clinical, imaging, genomic), or at random. Means after the second, 95 %
intervals of the paired difference to advice from {DRAWS} draws of patients.

{_advice(strangers, complete)}
""")


def _coverage(strangers: Strangers, rows: torch.Tensor) -> str:
    random = np.random.default_rng(SEED)
    steps = arrivals(strangers, rows, _first(strangers, rows, random), at_random(random), steps=3)
    last = [
        np.ones(len(rows), bool),
        *((b.present != a.present).any(1) for a, b in itertools.pairwise(steps)),
    ]
    patterns = [
        name
        for step, new in zip(steps, last, strict=True)
        for name, is_new in zip(patterns_of(step), new, strict=True)
        if is_new
    ]
    covered = np.concatenate([step.covered[new] for step, new in zip(steps, last, strict=True)])
    return coverage_table(coverage_by_pattern(patterns, covered))


def _advice(strangers: Strangers, rows: torch.Tensor) -> str:
    random = np.random.default_rng(SEED)
    first = _first(strangers, rows, random)
    orders = {"advice": by_advice, "fixed order": in_order, "at random": at_random(random)}
    after = {name: arrivals(strangers, rows, first, order, steps=2)[1] for name, order in orders.items()}
    weights = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), DRAWS) / len(rows)
    lines = [
        "| order | entropy, nats | minus advice | -log p(truth), nats | minus advice |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, step in after.items():
        cells = [_cells(values, reference, weights) for values, reference in _pairs(step, after["advice"])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pairs(step: Step, advice: Step) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    return [(step.entropy, advice.entropy), (step.loss, advice.loss)]


def _cells(values: NDArray[np.float64], reference: NDArray[np.float64], weights: NDArray[np.float64]) -> str:
    low, high = np.percentile(weights @ (values - reference), (2.5, 97.5))
    return f"{values.mean():.3f} | {(values - reference).mean():+.3f} ({low:+.3f}…{high:+.3f})"


def _first(strangers: Strangers, rows: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    chosen = at_random(random)(strangers.examples.present[rows].numpy(), np.zeros(0))
    return torch.from_numpy(chosen)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
