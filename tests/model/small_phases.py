"""The phases that descend, on a few made-up patients and on any hardware, for tests of where and by whom they run."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from model.arrival_training import ArrivalSetting, Split
from model.descent import Descent, silent
from model.encoder_phase import Recording, train_encoders
from model.encoders.backbones import Frozen, OwnCnn
from model.encoders.dna_backbones import OwnDna
from model.examples import Roles
from model.hardware import Hardware
from model.imputer_training import fit_imputer
from model.labels import Labels
from model.network import network_of
from model.recording import RecordingGenomic, RecordingImaging
from model.untrained import untrained_manifest
from schemas.manifest import Manifest

PATIENTS, TRAIN = 54, 34
"""Batches of 16, 16 and 2: of three processes one has no row of the last. Of the 20 held: 16 and 4."""
HELD = torch.arange(PATIENTS) >= TRAIN
SPACE, FEATURES = "uni-512", 512
PHASE = Descent(epochs=2, rate=1e-3)
State = Mapping[str, Tensor]


def own_encoders(hardware: Hardware) -> State:
    """The network's own CNN, DNA encoder and gene graph, and a projector of bags."""
    return _encoders(untrained_manifest(), 0, hardware)


def projections(hardware: Hardware) -> State:
    """What stands behind a frozen backbone and a frozen DNA encoder."""
    frozen = {"backbone_width": 12, "dna_width": 5, "genes": (), "pathways": ()}
    return _encoders(untrained_manifest().model_copy(update=frozen), 12, hardware)


def imputer(hardware: Hardware) -> State:
    """An imputer whose projectors descend, on 130 rows: batches of 64, 64 and 2. Enough rows are held to stop it."""
    random = np.random.default_rng(0)
    factors, views = random.standard_normal((210, 1, 1, 4)), random.standard_normal((3, 4, 8))
    rows = (factors @ views).squeeze(2) + 0.5 * random.standard_normal((210, 3, 8))
    held, present = torch.arange(len(rows)) < 80, torch.from_numpy(random.random((len(rows), 3)) < 0.8)
    present[:, 0] = True
    embeddings, generator = torch.from_numpy(rows).float(), torch.Generator().manual_seed(0)
    how = Descent(epochs=3, rate=4e-3, decay=0.1)
    return fit_imputer(embeddings, present, held, generator, how, silent, hardware).state_dict()


PARTS: Mapping[str, Callable[[Hardware], State]] = {
    "own-encoders": own_encoders,
    "projections": projections,
    "imputer": imputer,
}


def _encoders(manifest: Manifest, eyes: int, hardware: Hardware) -> State:
    network = network_of(manifest, seed=2)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)  # the heads of phase one
        setting = ArrivalSetting(manifest, PHASE, torch.Generator().manual_seed(1), silent, hardware)
        train_encoders(network, _recording(manifest, eyes), Split(_labels(manifest), Roles(~HELD, HELD)), setting)
    return network.state_dict()


def _recording(manifest: Manifest, eyes: int) -> Recording:
    random, numbers = np.random.default_rng(0), range(PATIENTS)
    frozen = Frozen("timm:tiny", "a" * 64, torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten()))
    imaging = RecordingImaging(16, 3, {SPACE: FEATURES}, frozen if eyes else OwnCnn())
    shape = (eyes,) if eyes else (3, 16, 16)
    imaging.tiles += [random.random((1 + number % 3, *shape), np.float32) for number in numbers]
    imaging.bags[SPACE] = [random.random((1 + number % 2, FEATURES), np.float32) for number in numbers]
    dna = SimpleNamespace(width=manifest.dna_width) if manifest.dna_width else OwnDna()
    genomic = RecordingGenomic(3, manifest.sizes, dna)
    genomic.sequences += [tuple("".join(random.choice([*"ACGT"], 40)) for _ in range(1 + n % 2)) for n in numbers]
    genomic.features += [random.random((1 + number % 2, manifest.dna_width), np.float32) for number in numbers]
    genomic.genes += [{gene: float(random.normal()) for gene in manifest.genes} for _ in numbers]
    names = ("imaging/cnn", f"imaging/bag:{SPACE}", "genomic/sequence", "genomic/genes")
    return Recording(imaging, genomic, {name: torch.arange(PATIENTS) for name in names})


def _labels(manifest: Manifest) -> Labels:
    random, bins = torch.Generator().manual_seed(3), len(manifest.tasks.edges_days)
    at_risk = (torch.arange(bins) < torch.randint(1, bins, (PATIENTS, 1, 1), generator=random)).float()
    return Labels(
        diagnosis=torch.randint(0, 3, (PATIENTS,), generator=random),
        treatment=torch.randint(-1, 2, (PATIENTS,), generator=random),
        response=torch.randint(0, 2, (PATIENTS,), generator=random).float(),
        hazard=at_risk * (torch.rand(at_risk.shape, generator=random) < 0.1),
        at_risk=at_risk,
    )
