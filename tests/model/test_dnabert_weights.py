"""Published weights fit exactly, or are refused and change nothing."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from model.encoders.dna_tokenizer import train_tokenizer
from model.encoders.dnabert import DnaBert, DnaBertConfig
from model.encoders.dnabert_weights import load_published, read_tokenizer
from schemas.errors import Reason, Refused

TINY = DnaBertConfig(vocab=20, hidden=12, layers=2, heads=3, intermediate=10)


def weights_file(folder: Path, tensors: dict[str, Tensor]) -> Path:
    path = folder / "model.safetensors"
    save_file(tensors, path)
    return path


def test_published_weights_load_and_their_pretraining_head_is_left_out(tmp_path: Path) -> None:
    source, target = DnaBert(TINY), DnaBert(TINY)
    head = {"cls.predictions.decoder.bias": torch.zeros(20)}
    ids, mask = torch.arange(6).unsqueeze(0), torch.ones(1, 6, dtype=torch.bool)
    assert not torch.equal(target(ids, mask), source(ids, mask))
    load_published(target, weights_file(tmp_path, source.state_dict() | head))
    assert torch.equal(target(ids, mask), source(ids, mask))


WO = "bert.encoder.layer.1.mlp.wo.weight"


@pytest.mark.parametrize(
    ("absent", "added"),
    [
        pytest.param({WO}, {}, id="a-key-is-missing"),
        pytest.param(set(), {"bert.extra.weight": torch.zeros(1)}, id="a-key-is-unknown"),
        pytest.param(set(), {"cls.predictions.bias": torch.zeros(1)}, id="the-head-of-another-bert"),
        pytest.param(set(), {WO: torch.zeros(3, 3)}, id="a-shape-is-another"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_changes_nothing(
    tmp_path: Path, absent: set[str], added: dict[str, Tensor]
) -> None:
    encoder = DnaBert(TINY)
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    tensors = {name: torch.zeros_like(tensor) for name, tensor in before.items() if name not in absent} | added
    with pytest.raises(Refused, match=next(iter(absent | added.keys()))) as refused:
        load_published(encoder, weights_file(tmp_path, tensors))
    assert refused.value.reason is Reason.UNREADABLE_FILE
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())


def test_what_is_not_safetensors_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "model.safetensors"
    broken.write_bytes(b"\x80\x04 a pickle, say")
    with pytest.raises(Refused) as refused:
        load_published(DnaBert(TINY), broken)
    assert refused.value.reason is Reason.UNREADABLE_FILE
    with pytest.raises(Refused) as refused:
        load_published(DnaBert(TINY), tmp_path / "none.safetensors")
    assert refused.value.reason is Reason.FILE_MISSING


def test_a_tokenizer_of_its_file_is_the_one_that_was_saved(tmp_path: Path) -> None:
    saved = train_tokenizer(["ACGTACGTTTAACC"], vocab_size=20)
    saved.save(str(tmp_path / "tokenizer.json"))
    assert read_tokenizer(tmp_path / "tokenizer.json", vocab=20).encode("ACGTN").ids == saved.encode("ACGTN").ids


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, Reason.FILE_MISSING, id="absent"),
        pytest.param(b"\x80\x04", Reason.UNREADABLE_FILE, id="a-pickle"),
        pytest.param(b"{}", Reason.UNREADABLE_FILE, id="not-a-tokenizer"),
        pytest.param(train_tokenizer(["ACGT"], 20).to_str().encode(), Reason.UNREADABLE_FILE, id="too-many-tokens"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path: Path, content: bytes | None, reason: Reason) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(Refused) as refused:
        read_tokenizer(tmp_path / "tokenizer.json", vocab=8)
    assert refused.value.reason is reason


def test_no_file_of_ours_unpickles_weights() -> None:
    sources = sorted((Path(__file__).parents[2] / "model").rglob("*.py"))
    assert len(sources) > 50
    assert not [
        path.name for path in sources if any(word in path.read_text() for word in ("torch.load", "import pickle"))
    ]
