"""DNA into tokens: byte-pair encoding, as DNABERT-2 does it, over windows of bounded length.

A published `tokenizer.json` is read with `tokenizers.Tokenizer.from_file`; `train_tokenizer` makes
one of the same kind. Nothing here holds more than a window of a sequence and a batch of rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from torch import Tensor

from schemas.errors import Reason, Refused

SPECIAL = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
"""The special tokens of DNABERT-2, in the order of their ids."""


def train_tokenizer(sequences: Iterable[str], vocab_size: int) -> Tokenizer:
    """Learn byte pairs from sequences of upper-case bases; the vocabulary has at most `vocab_size` tokens."""
    tokenizer = Tokenizer(BPE(unk_token=SPECIAL[0]))
    tokenizer.pre_tokenizer = Whitespace()
    trainer = BpeTrainer(
        vocab_size=vocab_size, special_tokens=list(SPECIAL), initial_alphabet=list("ACGTN"), show_progress=False
    )
    tokenizer.train_from_iterator(sequences, trainer)
    ends = [(token, special_id(tokenizer, token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def special_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a special token; refuse a tokenizer that has none."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise Refused(Reason.UNREADABLE_FILE, f"the tokenizer has no {token}; use DNABERT-2's, or train one here")
    return number


def windows(chunks: Iterable[str], size: int) -> Iterator[str]:
    """Cut one sequence, read in chunks of any length, into windows of `size` bases (the last may be shorter).

    Where the chunks were cut makes no difference. Bases come out in upper case: lower case marks
    repeats (soft masking), and the vocabulary has no such letters.
    """
    held = ""
    for chunk in chunks:
        held += chunk.upper()
        whole = len(held) - len(held) % size
        yield from (held[start : start + size] for start in range(0, whole, size))
        held = held[whole:]
    if held:
        yield held


def token_rows(tokenizer: Tokenizer, pieces: Iterable[str], length: int) -> Iterator[list[int]]:
    """Each window as rows of at most `length` >= 3 ids, each between [CLS] and [SEP].

    A window of more tokens goes on in a further row: nothing is cut off.
    """
    start, end = special_id(tokenizer, "[CLS]"), special_id(tokenizer, "[SEP]")
    room = length - 2
    for piece in pieces:
        ids = tokenizer.encode(piece, add_special_tokens=False).ids
        yield from ([start, *ids[first : first + room], end] for first in range(0, len(ids), room))


def pad_rows(rows: Sequence[list[int]], length: int, pad: int) -> tuple[Tensor, Tensor]:
    """Rows of ids into one block: ids (B, length) long, mask (B, length) bool, True where there is a token."""
    ids = torch.full((len(rows), length), pad)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = True
    return ids, mask


def token_batches(
    tokenizer: Tokenizer, pieces: Iterable[str], length: int, rows: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows as batches of one fixed shape: ids (rows, length), mask (rows, length).

    The last batch is filled with rows without a token, so that a row's bytes never depend on the batch's size.
    """
    pad = special_id(tokenizer, "[PAD]")
    pending = token_rows(tokenizer, pieces, length)
    while batch := list(islice(pending, rows)):
        yield pad_rows(batch + [[]] * (rows - len(batch)), length, pad)
