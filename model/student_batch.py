"""What the student is shown of a batch of patients in one step: a random part of what they have.

All that is random of a step is drawn here, before anything is computed: on the CPU, for the whole batch, whichever
processes share it and wherever they compute.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.examples import Examples
from model.features import Batch
from model.hardware import Hardware
from model.network import MODALITIES
from schemas.evidence import Modality


@dataclass(frozen=True)
class Shown:
    """B patients as one step sees them."""

    features: Mapping[Modality, Batch]
    """Without the blocks and tokens that are hidden."""
    present: Tensor
    """(B, M) bool: the modalities that each has."""
    kept: Tensor
    """(B, M) bool: those of them that the fusion is shown."""
    heard: Tensor
    """(B, M, D) bool: the numbers of the embeddings that are not dropped (Srivastava et al. 2014)."""
    noise: Tensor
    """(B, M, D): standard normal, for the draw of what is imputed."""

    def mine(self, hardware: Hardware) -> "Shown":
        """The rows of this process, on its device."""
        features = {
            modality: {name: hardware.mine(tensor) for name, tensor in batch.items()}
            for modality, batch in self.features.items()
        }
        return Shown(features, *map(hardware.mine, (self.present, self.kept, self.heard, self.noise)))


def shown_of(examples: Examples, rows: Tensor, width: int, hidden: float, generator: torch.Generator) -> Shown:
    """Draw what is shown of these patients: `hidden` is the share of patients, tokens and numbers (of D = `width`)."""
    features = {modality: examples.batch(modality, rows) for modality in MODALITIES}
    present = examples.present[rows]
    left, kept = hide(features, present, hidden, generator)
    for place, (modality, batch) in enumerate(left.items()):
        if present[:, place].any():
            left[modality] = _thinned(batch, hidden, generator)
    shape = (*present.shape, width)
    heard = torch.rand(shape, generator=generator) >= hidden
    return Shown(left, present, kept, heard, torch.randn(shape, generator=generator))


def hide(
    features: dict[Modality, Batch], present: Tensor, share: float, generator: torch.Generator
) -> tuple[dict[Modality, Batch], Tensor]:
    """Hide a random part of what `share` of the patients have: modalities, and blocks of the table with their tokens.

    Never all of it. Returns the features, and the modalities (B, M) that are still shown.
    """
    blocks = torch.stack([batch["block"] for batch in features.values()], 1)  # (B, M, K)
    kept = some_of(present, share, generator)
    chosen = torch.rand(len(present), 1, generator=generator) < share
    stay = ~(chosen & (torch.rand(blocks.shape[::2], generator=generator) < 0.5))  # (B, K)
    stay = torch.where((stay.unsqueeze(1) & blocks).any((1, 2)).unsqueeze(1), stay, True)
    return {modality: without_blocks(batch, stay) for modality, batch in features.items()}, kept


def some_of(present: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """present (B, M) with each modality of `share` of the patients hidden as by a coin; never all of them."""
    chosen = torch.rand(len(present), 1, generator=generator) < share
    kept = present & ~(chosen & (torch.rand(present.shape, generator=generator) < 0.5))
    return torch.where(kept.any(1, keepdim=True), kept, present)


def without_blocks(batch: Batch, stay: Tensor) -> Batch:
    """A batch as it is without some blocks: `stay` (B, K) bool. Columns, flags and the tokens of their codes go."""
    changed = batch | {"block": batch["block"] & stay}
    if stay.shape[1]:
        changed["measured"] = batch["measured"] & stay[:, batch["owner"][0]]
    if "part" in batch:
        with_rest = torch.cat((torch.ones_like(stay[:, :1]), stay), 1)
        changed["present"] = batch["present"] & with_rest.gather(1, batch["part"])
    return changed


def trimmed(batch: Batch) -> Batch:
    """The batch without the places for tokens that none of its patients uses: they cost time and change nothing."""
    if "part" not in batch:
        return batch
    used = int(torch.nonzero(batch["present"].any(0)).max()) + 1 if batch["present"].any() else 1
    tokens = ("code", "answer", "part", "value", "numbers", "present")
    return batch | {name: batch[name][:, :used].contiguous() for name in tokens}


def _thinned(batch: Batch, hidden: float, generator: torch.Generator) -> Batch:
    """The batch without a part of its observation and variant tokens."""
    batch = trimmed(batch)
    masks = {name: batch[name] for name in ("present", "shown") if name in batch}
    return batch | {
        name: mask & (torch.rand(mask.shape, generator=generator) >= hidden) for name, mask in masks.items()
    }
