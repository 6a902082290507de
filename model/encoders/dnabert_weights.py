"""The published DNABERT-2 weights: safetensors, loaded strictly, never unpickled."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from model.encoders.dnabert import DnaBert
from schemas.errors import Reason, Refused

PRETRAINING_HEAD = "cls.predictions."
"""What the published checkpoint has beside the encoder: the head of masked-language training, unused here."""


def load_published(encoder: DnaBert, path: Path) -> None:
    """Load a published safetensors file, strictly: every tensor of the encoder, no other but the pretraining head."""
    try:
        tensors = load_file(path)
    except FileNotFoundError as absent:
        raise Refused(Reason.FILE_MISSING, "no DNABERT-2 weights there; put the safetensors file in place") from absent
    except SafetensorError as broken:
        raise Refused(Reason.UNREADABLE_FILE, "the DNABERT-2 weights are not safetensors; convert them") from broken
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(PRETRAINING_HEAD)}
    wanted = {name: tensor.shape for name, tensor in encoder.state_dict().items()}
    got = {name: tensor.shape for name, tensor in tensors.items()}
    if got != wanted:
        names = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
        raise Refused(
            Reason.UNREADABLE_FILE,
            f"{len(names)} tensors absent, unknown or of another shape, {names[0]} first; use the weights of this size",
        )
    encoder.load_state_dict(tensors, strict=True)
