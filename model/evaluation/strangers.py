"""A cohort that a finished network never saw: its patients as that network reads them."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from model.arrival import load_encoders
from model.calibration import encoded_of, noise_of
from model.examples import Examples, Roles, examples_of
from model.labels import read_labels
from model.network import Network
from model.reading import Readers, Rules, pictures_of, read_cohort, views_of
from model.weights import load_network
from schemas.files import Files
from schemas.manifest import Manifest


@dataclass(frozen=True)
class Strangers:
    """N patients, and the network that is asked about them."""

    network: Network
    manifest: Manifest
    patients: tuple[str, ...]
    examples: Examples
    encoded: Tensor
    """(N, M, E)."""

    def noise(self) -> Tensor:
        """The imputation draws of each patient (N, K, M, D)."""
        return noise_of(list(self.patients), self.manifest)


def read_strangers(
    folder: Path, cohort: Path, files: Files, rules: Rules | None = None, backbones: Path | None = None
) -> Strangers:
    """Read a cohort through a network's folder, what is frozen from `backbones`.

    Raises ValueError, Refused, Unavailable.
    """
    network, manifest = load_network(folder)
    rules = rules or Rules()
    evidence = read_cohort(cohort, Readers(files, *load_encoders(folder, backbones), rules)).evidence
    views = views_of(pictures_of(evidence), manifest.encoders, rules)
    patients = tuple(views)
    nobody = torch.zeros(len(patients), dtype=torch.bool)
    examples = examples_of(views, read_labels(cohort, patients, manifest.tasks), Roles(nobody, nobody), manifest, 0)
    return Strangers(network, manifest, patients, examples, encoded_of(network, examples, torch.arange(len(patients))))
