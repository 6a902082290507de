"""Notes when they arrive: a sentence vector, projected at random to the network's width. Nothing here is trained."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.encoders.arrived import NOTES
from model.encoders.model_folder import folder_hash
from model.encoders.sentences import SentenceEncoder, load_sentences
from schemas.evidence import Vector

_HASHED = ("*.safetensors", "*.json", "*/config.json")
"""All that a vector depends on: weights, tokenizer, configuration."""


class NoteEncoder:
    """A note's text to a vector of the network's width: an intake `NoteEncoder`.

    The projection is fixed: signs, by which distances are kept to about 1 / sqrt(width) (Johnson & Lindenstrauss
    1984, with signs Achlioptas 2003). So notes can be read before any network is trained behind them.
    """

    def __init__(self, sentences: SentenceEncoder, weights: str, width: int) -> None:
        self.weights = weights
        self._sentences = sentences
        self._signs = signs(sentences.width, width)

    def __repr__(self) -> str:
        """By content, not by address: a run that goes on later is known by it (`key_of`)."""
        return self.weights

    def encode_note(self, text: str) -> Vector:
        """The note's vector (D,), its numbers about as large as those of other encoders' vectors."""
        return Vector.pack(NOTES, self.weights, self._sentences.encode(text) @ self._signs)


def signs(inner: int, width: int) -> NDArray[np.float32]:
    """A fixed matrix (inner, width) of +1 and -1, read off a hash: the same on every machine and in every version."""
    count = inner * width
    stream = hashlib.shake_256(f"{NOTES} {inner} {width}".encode()).digest(-(-count // 8))
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[:count]
    return (2 * bits.astype(np.float32) - 1).reshape(inner, width)


def notes_hash(folder: Path, width: int) -> str:
    """SHA-256 of all that a note's vector depends on; ValueError with a remedy where it is no encoder's folder."""
    if not (folder / "tokenizer.json").is_file():
        raise ValueError(f"{folder} has no tokenizer.json; name a folder with a sentence encoder")
    return folder_hash(folder, _HASHED, more=f"signs {width}")


def load_notes(folder: Path, width: int) -> NoteEncoder:
    """Read the sentence encoder of a folder for networks of that width; raises ValueError with a remedy."""
    weights = notes_hash(folder, width)
    return NoteEncoder(load_sentences(folder), weights, width)
