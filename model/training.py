"""Train a network on a cohort folder and write its folder: weights, manifest, card."""

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import torch

from model.batch_order import held_out
from model.card import Training, model_card
from model.checkpoints import Checkpoints
from model.cohort_data import read_data
from model.cohorts.folder import CARD as COHORT_CARD
from model.cohorts.folder import EVENTS, OUTCOMES, SURVIVAL
from model.descent import Report
from model.evaluation.panels import save
from model.examples import Roles
from model.fitting import fit
from model.hardware import ALONE, Hardware
from model.losses_plot import losses_plot
from model.one_thread import one_thread
from model.settings_file import SETTINGS, settings_json
from model.train_settings import TrainSettings
from model.weights import save_network
from schemas.files import Files
from schemas.manifest import Manifest

CARD, LOSSES, PHASES = "card.md", "losses.png", "phases"
_PART = 1 << 20


@one_thread()
def train(
    cohort: Path, out: Path, files: Files, settings: TrainSettings, report: Report, hardware: Hardware = ALONE
) -> Manifest:
    """Train on the cohort folder and write the network's folder `out`; raises Refused, Unavailable, ValueError.

    Cut short and asked again, it goes on after the last phase that it finished (`out/phases`, gone at the end).
    Of several processes each reads the cohort, and the first writes. On one thread: with two, HANCOCK's network came
    out otherwise each time, and no sooner.
    """
    data = hardware.together(lambda: read_data(cohort, files, settings.reading))
    held = held_out(data.patients, settings.held_share, settings.seed)
    checkpoints = Checkpoints(out / PHASES, key_of(cohort, settings, data.refused), hardware)

    def both(phase: str, done: float, loss: float) -> None:
        checkpoints.history.append((phase, done, loss))
        report(phase, done, loss)

    fitted = fit(data, Roles(~held, held), settings, both, checkpoints, hardware)

    def write() -> Manifest:
        sealed = save_network(out, fitted.network, fitted.manifest, tuple(fitted.manifest.encoders))
        told = Training(
            patients=len(data.patients),
            held=int(held.sum()),
            refused=data.refused,
            losses=fitted.losses,
            seed=settings.seed,
            limits=settings.limits,
            records_sha256=records_sha256(cohort),
        )
        (out / CARD).write_text(model_card(sealed, told), encoding="utf-8")
        (out / SETTINGS).write_text(settings_json(settings), encoding="utf-8")
        save(losses_plot(checkpoints.history), out / LOSSES)
        checkpoints.forget()
        return sealed

    return hardware.from_first(write)


def key_of(cohort: Path, settings: TrainSettings, refused: Mapping[str, int]) -> str:
    """What a run depends on, as a SHA-256: the cohort's records, all that was asked for, what was refused, and by whom.

    Refused since a file that was away, and is back when the run goes on, was no part of what it learnt so far.
    """
    known = (settings, sorted(refused.items()), records_sha256(cohort), torch.__version__, version("oncostream"))
    return hashlib.sha256(repr(known).encode()).hexdigest()


def records_sha256(cohort: Path) -> str:
    """SHA-256 of the cohort's records one after another, as `cat … | sha256sum` says it; events name all files' own."""
    digest = hashlib.sha256()
    for name in (COHORT_CARD, EVENTS, OUTCOMES, SURVIVAL):
        with (cohort / name).open("rb") as content:
            for part in iter(lambda: content.read(_PART), b""):
                digest.update(part)
    return digest.hexdigest()
