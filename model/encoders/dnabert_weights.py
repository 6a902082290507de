"""The published DNABERT-2: weights from safetensors, loaded strictly, never unpickled; its sizes and its tokenizer."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from model.encoders.dna_tokenizer import SPECIAL, special_id
from model.encoders.dnabert import DnaBert, DnaBertConfig
from model.encoders.model_folder import read_json
from schemas.errors import Reason, Refused

PRETRAINING_HEAD = frozenset(
    f"cls.predictions.{name}"
    for name in (
        *("transform.dense.weight", "transform.dense.bias", "transform.LayerNorm.weight", "transform.LayerNorm.bias"),
        *("decoder.weight", "decoder.bias"),
    )
)
"""What the published checkpoint has beside the encoder, by name: the head of masked-language training, unused here."""
_SIZES = {
    "vocab": "vocab_size",
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "intermediate": "intermediate_size",
}
"""Ours -> what `config.json` calls it."""
_AS_WRITTEN = {"hidden_act": "gelu", "layer_norm_eps": 1e-12}
"""What `dnabert.py` computes and weights cannot show; a `config.json` may say it, and nothing else."""


def read_config(path: Path) -> DnaBertConfig:
    """Read the sizes of a published `config.json`; Refused, or ValueError where it is no JSON, with a remedy."""
    said: Any = read_json(path)
    if said is None:
        raise Refused(Reason.FILE_MISSING, "no config.json there; put DNABERT-2's in place")
    known = said if isinstance(said, dict) else {}
    wrong = [name for name in _SIZES.values() if type(known.get(name)) is not int or known[name] < 1]
    wrong += [name for name, wanted in _AS_WRITTEN.items() if known.get(name, wanted) != wanted]
    if not wrong and known[_SIZES["hidden"]] % known[_SIZES["heads"]]:
        wrong = [_SIZES["heads"]]
    if wrong:
        raise Refused(Reason.UNREADABLE_FILE, f"no DNABERT-2 in config.json (see {', '.join(wrong)}); copy it again")
    return DnaBertConfig(**{ours: known[theirs] for ours, theirs in _SIZES.items()})


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
