"""Train a network on a cohort folder and write its folder: weights, manifest, card."""

from pathlib import Path

from model.batch_order import held_out
from model.card import Training, model_card
from model.cohort_data import read_data
from model.descent import Report
from model.examples import Roles
from model.fitting import fit
from model.train_settings import TrainSettings
from model.weights import save_network
from schemas.files import Files
from schemas.manifest import Manifest

CARD = "card.md"


def train(cohort: Path, out: Path, files: Files, settings: TrainSettings, report: Report) -> Manifest:
    """Train on the cohort folder and write the network's folder `out`; raises Refused, Unavailable, ValueError."""
    data = read_data(cohort, files, settings.reading)
    held = held_out(data.patients, settings.held_share, settings.seed)
    fitted = fit(data, Roles(~held, held), settings, report)
    sealed = save_network(out, fitted.network, fitted.manifest, tuple(fitted.manifest.encoders))
    told = Training(len(data.patients), int(held.sum()), data.refused, fitted.losses, settings.seed)
    (out / CARD).write_text(model_card(sealed, told), encoding="utf-8")
    return sealed
