"""From patients' views to tensors, and what the network knows of them before the first step."""

from collections.abc import Mapping

import torch
from torch import Tensor

from model.cohorts.folder import CohortCard
from model.features import batch_of
from model.joint_training import Examples
from model.labels import Labels
from model.network import MODALITIES, Network, features_of
from model.statistics import learn_codes, start_at_base_rates
from model.survival import edges_until
from schemas.evidence import Modality
from schemas.manifest import Manifest, Tasks
from schemas.picture import View


def tasks_of(card: CohortCard) -> Tasks:
    """What a network can learn of this cohort; survival bins end at its horizon."""
    return Tasks(
        diagnosis=card.tasks.diagnosis,
        treatments=card.tasks.treatments,
        endpoints=card.tasks.endpoints,
        edges_days=edges_until(card.tasks.horizon_days),
    )


def examples_of(views: Mapping[str, View], labels: Labels, held: Tensor, draft: Manifest, least: int) -> Examples:
    """All N patients as the network may see them; a modality with fewer than `least` training patients is not used.

    `held` (N,) bool: the validation patients.
    """
    seen = torch.tensor([[modality in view.present for modality in MODALITIES] for view in views.values()])
    usable = seen[~held].sum(0) >= least
    known = labels.known & (seen & usable).any(1)
    return Examples(
        features={
            modality: batch_of([features_of(modality, view.evidence, draft) for view in views.values()])
            for modality in MODALITIES
        },
        present=seen & usable,
        labels=labels,
        train=torch.nonzero(known & ~held).squeeze(1),
        held=torch.nonzero(known & held).squeeze(1),
        usable=usable,
    )


def used_modalities(examples: Examples) -> tuple[Modality, ...]:
    """The modalities that the network is trained with."""
    return tuple(modality for modality, is_used in zip(MODALITIES, examples.usable.tolist(), strict=True) if is_used)


def start(network: Network, examples: Examples) -> None:
    """Give the network what it knows before the first step: codes, deviations, base rates of the training patients."""
    tokens = examples.features[Modality.CLINICAL]
    learn_codes(network.clinical, {name: tensor[examples.train] for name, tensor in tokens.items()})
    start_at_base_rates(network.heads, examples.labels.rows(examples.train))
