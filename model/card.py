"""A network's model card: what it is, what it was trained on, how well it did, what it is not for."""

from collections import Counter
from dataclasses import dataclass

from schemas.manifest import Manifest


@dataclass(frozen=True)
class Training:
    """What training saw and reached."""

    patients: int
    held: int
    """Validation patients, among `patients`."""
    refused: Counter[str]
    """Messages that could not be read, by reason."""
    losses: dict[str, float]
    """Phase -> the best validation loss of an encoder, the last training loss of the student and the circuit."""
    seed: int
    limits: str
    """How long each phase was let run (`TrainSettings.limits`)."""
    records_sha256: str
    """Of the cohort's card, events, outcomes and survival times."""


def model_card(manifest: Manifest, training: Training) -> str:
    """The card as Markdown."""
    tasks = manifest.tasks
    refused = ", ".join(f"{count} {reason}" for reason, count in sorted(training.refused.items())) or "none"
    losses = "\n".join(f"| {phase} | {loss:.4f} |" for phase, loss in training.losses.items())
    return f"""# {manifest.model}

**Not for clinical use.** {manifest.intended_use}

| | |
|---|---|
| trained on | {manifest.source} |
| patients | {training.patients}, of them {training.held} held out for stopping and calibration |
| messages refused | {refused} |
| modalities | {", ".join(modality.value for modality in manifest.modalities)} |
| diagnosis labels | {", ".join(tasks.diagnosis) or "none: doubt is about the first endpoint within two years"} |
| endpoints | {", ".join(tasks.endpoints) or "none"}, to {tasks.edges_days[-1]:.0f} days |
| treatments | {", ".join(tasks.treatments) or "none"} (associations, no claim of a causal effect) |
| fusion | {manifest.fusion} |
| temperature | {manifest.temperature} |
| seed, torch | {training.seed}, {manifest.torch} |
| at most | {training.limits} |
| cohort's records | {training.records_sha256} |
| weights | {manifest.weights_sha256} |

| phase | loss (encoders: best on held-out patients; student and circuit: last in training) |
|---|---|
{losses}

Temperature and conformal sets were fitted on the same held-out patients that stopped training; figures above are no
estimate for new patients. An encoder of whose files none is of a held-out patient was judged by those of training.
A modality that is missing is imputed, and results say so.
"""
