"""What tells a wrong answer best: shot variance, disagreement of the ensemble, imputation, or the whole doubt?

    python docs/evidence/confidence.py NETWORK COHORT [SHOTS] > docs/evidence/confidence.md

COHORT must be one that NETWORK never saw: `oncostream cohort synthetic --patients 1500 --seed 77 COHORT`. Each part
of the doubt ranks the patients from sure to unsure; judged by the error among the surest (area under risk-coverage,
lower is better) and by how often a wrong answer is given more doubt than a right one (AUROC).
ONCOSTREAM_BACKBONES names the folder of NETWORK's frozen encoders, where it has any.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.answers import Rows, answer
from model.evaluation.concordance import ahead, paired
from model.evaluation.resampling import draw_patients, interval, ratio
from model.evaluation.selective import area_under_risk, surest_first
from model.evaluation.strangers import Strangers, read_strangers
from model.measured_circuit import MeasuredCircuit
from model.shots_backend import ShotsBackend
from streams.blobs import Blobs
from streams.file_rules import FileRules
from streams.settings import Places

Array = NDArray[np.float64]
SEED, DRAWS, BATCH = 0, 1000, 64
PARTS = ("total", "data", "imputation", "ensemble", "shots")
"""Columns of `Answers.doubt`, the last of which (hardware) is 0 here."""


def main(network: Path, cohort: Path, shots: int) -> None:
    """Print the page."""
    torch.set_num_threads(1)
    files = Blobs(FileRules(allowed_folders=(cohort.resolve(),)))
    strangers = read_strangers(network, cohort, files, backbones=Places().backbones)
    labelled = strangers.examples.labels.diagnosis >= 0
    rows = torch.nonzero(labelled & strangers.examples.present.any(1)).squeeze(1)
    diagnosis, doubt = _said(strangers, rows, shots)
    wrong = (diagnosis.argmax(1) != strangers.examples.labels.diagnosis[rows].numpy()).astype(np.float64)
    scores = {name: -doubt[:, place] for place, name in enumerate(PARTS)} | {"largest probability": diagnosis.max(1)}
    random = np.random.default_rng(SEED)
    scores["a coin"] = random.random(len(rows))
    weights = draw_patients(len(rows), DRAWS, random)
    areas = {name: _area(score, wrong, weights) for name, score in scores.items()}
    tells = {name: _tells(score, wrong, weights) for name, score in scores.items()}
    lines = "\n".join(_line(name, areas, tells, doubt) for name in scores)
    sys.stdout.write(f"""# What tells a wrong answer best?

    python docs/evidence/confidence.py {network} COHORT {shots} > docs/evidence/confidence.md

Network {strangers.manifest.model}, circuit sampled {shots} times a row; {len(rows)} synthetic patients with a known
label that it never saw, {wrong.mean():.3f} of them named wrongly. 95 % intervals from {DRAWS} draws of patients.

| doubt | mean, nats | area under risk-coverage | minus ensemble | a wrong answer is doubted more | minus ensemble |
| --- | --- | --- | --- | --- | --- |
{lines}
""")


@torch.no_grad()
def _said(strangers: Strangers, rows: torch.Tensor, shots: int) -> tuple[Array, Array]:
    """Diagnosis (n, C) and doubt (n, 6)."""
    network, manifest, noise = strangers.network, strangers.manifest, strangers.noise()
    frozen = network.fusion.freeze()
    if frozen is None:
        raise ValueError(f"{manifest.model} has no circuit: nothing to sample")
    backend, found = ShotsBackend(frozen, shots), []
    for chunk in torch.split(rows, BATCH):
        names = [strangers.patients[row] for row in chunk.tolist()]
        circuit = MeasuredCircuit(backend, network.fusion.circuit, names, manifest.sizes.draws)
        rows_of = Rows(strangers.encoded[chunk], strangers.examples.present[chunk], noise[chunk])
        found.append(answer(network, manifest, [rows_of], circuit))
    return np.concatenate([one.diagnosis for one in found]), np.concatenate([one.doubt for one in found])


def _area(score: Array, wrong: Array, weights: Array) -> Array:
    return area_under_risk(*surest_first(score, wrong, weights))


def _tells(score: Array, wrong: Array, weights: Array) -> Array:
    """AUROC of the doubt for wrong answers: (B, n) -> (B,)."""
    bad = wrong > 0
    right = paired(weights[:, bad], ahead(-score[bad], -score[~bad]), weights[:, ~bad])
    return ratio(right, weights[:, bad].sum(1) * weights[:, ~bad].sum(1))


def _line(name: str, areas: dict[str, Array], tells: dict[str, Array], doubt: Array) -> str:
    mean = f"{doubt[:, PARTS.index(name)].mean():.4f}" if name in PARTS else "–"
    cells = [f"{figures[name][0]:.3f} | {_minus(figures, name)}" for figures in (areas, tells)]
    return f"| {name} | {mean} | {' | '.join(cells)} |"


def _minus(figures: dict[str, Array], name: str) -> str:
    difference = figures[name] - figures["ensemble"]
    low, high = interval(difference[1:])
    return f"{difference[0]:+.3f} ({low:+.3f}…{high:+.3f})"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 100)
