"""The published DNABERT-2: weights from safetensors, loaded strictly, never unpickled, and its `tokenizer.json`."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from model.encoders.dna_tokenizer import SPECIAL, special_id
from model.encoders.dnabert import DnaBert
from schemas.errors import Reason, Refused

PRETRAINING_HEAD = frozenset(
    f"cls.predictions.{name}"
    for name in (
        *("transform.dense.weight", "transform.dense.bias", "transform.LayerNorm.weight", "transform.LayerNorm.bias"),
        *("decoder.weight", "decoder.bias"),
    )
)
"""What the published checkpoint has beside the encoder, by name: the head of masked-language training, unused here."""


def load_published(encoder: DnaBert, path: Path) -> None:
    """Load a published safetensors file, strictly: every tensor of the encoder, no other but the pretraining head."""
    try:
        tensors = load_file(path)
    except FileNotFoundError as absent:
        raise Refused(Reason.FILE_MISSING, "no DNABERT-2 weights there; put the safetensors file in place") from absent
    except SafetensorError as broken:
        raise Refused(Reason.UNREADABLE_FILE, "the DNABERT-2 weights are not safetensors; convert them") from broken
    tensors = {name: tensor for name, tensor in tensors.items() if name not in PRETRAINING_HEAD}
    wanted = {name: tensor.shape for name, tensor in encoder.state_dict().items()}
    got = {name: tensor.shape for name, tensor in tensors.items()}
    if got != wanted:
        names = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
        raise Refused(
            Reason.UNREADABLE_FILE,
            f"{len(names)} tensors absent, unknown or of another shape, {names[0]} first; use the weights of this size",
        )
    encoder.load_state_dict(tensors, strict=True)


def read_tokenizer(path: Path, vocab: int) -> Tokenizer:
    """Read a published `tokenizer.json` for an encoder of `vocab` tokens; Refused where the two do not fit."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as absent:
        raise Refused(Reason.FILE_MISSING, "no tokenizer.json there; put DNABERT-2's in place") from absent
    except UnicodeDecodeError as broken:
        raise Refused(Reason.UNREADABLE_FILE, "the tokenizer is not UTF-8; copy tokenizer.json again") from broken
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as broken:  # the library raises Exception itself, nothing narrower
        raise Refused(Reason.UNREADABLE_FILE, "not a tokenizer.json; copy DNABERT-2's again") from broken
    ids = [special_id(tokenizer, token) for token in SPECIAL]
    size = max(tokenizer.get_vocab_size(), max(ids) + 1)
    if size > vocab:
        raise Refused(
            Reason.UNREADABLE_FILE,
            f"the tokenizer has {size} tokens, the encoder {vocab}; use the tokenizer that came with the weights",
        )
    return tokenizer
