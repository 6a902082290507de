"""DNA into tokens: nothing is lost between a sequence and its rows, and no more than a window is held."""

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE

from model.encoders.dna_tokenizer import token_batches, token_rows, train_tokenizer, windows
from schemas.errors import Refused


def bases(count: int, seed: int = 0) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=count))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer((bases(300, seed) for seed in range(20)), vocab_size=64)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["ACGTA"], ["ACG", "TA"], id="the-last-is-shorter"),
        pytest.param(["A", "", "CGT", "A"], ["ACG", "TA"], id="cuts-between-chunks-do-not-show"),
        pytest.param(["acgTNA"], ["ACG", "TNA"], id="soft-masked-bases-count"),
    ],
)
def test_windows(chunks: list[str], expected: list[str]) -> None:
    assert list(windows(chunks, 3)) == expected


def test_windows_come_from_a_sequence_without_an_end() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "ACGT"

    assert list(islice(windows(endless(), 6), 2)) == ["ACGTAC", "GTACGT"]


def test_a_trained_tokenizer_survives_its_file_and_has_the_published_special_ids(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    again = Tokenizer.from_file(str(path))
    text = bases(200, seed=99)
    assert again.encode(text).ids == tokenizer.encode(text).ids
    assert [again.token_to_id(name) for name in ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")] == [0, 1, 2, 3, 4]
    assert again.get_vocab_size() == 64
    assert len(again.encode(text).ids) < len(text)  # it learned pairs


@pytest.mark.parametrize("length", [3, 7, 64])
def test_rows_hold_every_base_in_order(tokenizer: Tokenizer, length: int) -> None:
    text = bases(100, seed=5) + "NNNN"
    rows = list(token_rows(tokenizer, windows([text], 30), length))
    assert all(len(row) <= length and row[0] == 1 and row[-1] == 2 for row in rows)
    names = {number: name for name, number in tokenizer.get_vocab().items()}
    assert "".join(names[token] for row in rows for token in row[1:-1]) == text


def test_a_row_is_what_the_tokenizer_itself_gives(tokenizer: Tokenizer) -> None:
    text = bases(20, seed=6)
    assert list(token_rows(tokenizer, [text], 64)) == [tokenizer.encode(text).ids]


def test_a_tokenizer_without_the_special_tokens_is_refused() -> None:
    with pytest.raises(Refused, match="CLS"):
        list(token_rows(Tokenizer(BPE()), ["ACGT"], 8))


def test_every_batch_has_one_shape_and_the_last_is_filled_with_empty_rows(tokenizer: Tokenizer) -> None:
    batches = list(token_batches(tokenizer, windows([bases(100)], 20), length=24, rows=2))
    assert [ids.shape for ids, _ in batches] == [torch.Size([2, 24])] * 3
    ids, mask = batches[-1]
    assert mask.any(dim=1).tolist() == [True, False]
    assert bool((ids[~mask] == 3).all())
    assert bool((ids[mask] != 3).all())
