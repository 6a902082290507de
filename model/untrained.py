"""A network folder with random weights: valid in every way, and knowing nothing. For tests and dry runs."""

from pathlib import Path

from model.encoders.arrived import encoder_ids
from model.network import MODALITIES, network_of
from model.survival import edges_until
from model.weights import save_network
from schemas.manifest import FusionKind, Manifest, Sizes, Tasks

_SPACES = {"uni-512": 512}


def write_untrained(folder: Path, seed: int, fusion: FusionKind = "circuit", sizes: Sizes | None = None) -> Manifest:
    """Write an untrained network; the same arguments give the same bytes."""
    draft = untrained_manifest(fusion, sizes)
    return save_network(folder, network_of(draft, seed), draft, encoder_ids(_SPACES))


def untrained_manifest(fusion: FusionKind = "circuit", sizes: Sizes | None = None) -> Manifest:
    """A draft of three diagnoses, two treatments and OS, before any weights."""
    return Manifest(
        name="untrained",
        intended_use="tests only: random weights",
        source="none",
        weights_sha256="",
        encoders={},
        modalities=MODALITIES,
        feature_spaces=_SPACES,
        genes=("copy-number:MYC", "expression:EGFR", "expression:GRB2", "expression:TP53"),
        pathways=(("EGFR", "GRB2"),),
        tasks=Tasks(
            diagnosis=("a", "b", "c"), treatments=("x", "y"), endpoints=("OS",), edges_days=edges_until(3652.5)
        ),
        sizes=sizes or Sizes(),
        fusion=fusion,
    )
