"""A frozen DNABERT-2 by name: a network is trained and served behind it, and behind no other."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from dnabert_folder import CONFIG, bases, write_dnabert
from safetensors.torch import load_file
from tiny_run import TINY, files_under
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import layer_norm

from model.arrival import MolecularEncoder, load_encoders
from model.cohorts.synthetic import write_synthetic
from model.encoders.dna_backbones import dna_backbone
from model.encoders.dnabert import DnaBert
from model.network import Network, network_of
from model.recording import RecordingGenomic
from model.training import train
from model.untrained import untrained_manifest
from model.weights import encoder_hashes, load_network, save_network
from schemas.manifest import Manifest, Sizes

NAME = "dnabert2:one"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of backbones with a DNA encoder `one`."""
    root = tmp_path_factory.mktemp("backbones")
    write_dnabert(root / "one", seed=1)
    return root


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> DnaBert:
    """The model in the folder."""
    return write_dnabert(tmp_path_factory.mktemp("again") / "one", seed=1)


def behind(folder: Path) -> Manifest:
    found = dna_backbone(NAME, folder)
    draft = {"dna": found.name, "dna_width": found.width, "dna_sha256": found.sha256}
    return untrained_manifest(fusion="none").model_copy(update=draft)


def mean_of(model: DnaBert, folder: Path, text: str) -> Tensor:
    """The mean of the hidden states (H,) of one row: alone, without padding, through the folder's own tokenizer."""
    ids = torch.tensor([Tokenizer.from_file(str(folder / "one" / "tokenizer.json")).encode(text).ids])
    return model(ids, torch.ones_like(ids, dtype=torch.bool))[0].mean(0)


def by_hand(network: Network, means: Tensor) -> Tensor:
    """Means (N, H) of rows through standardisation, projection, attention pool and norm, each written out -> (D,)."""
    arrival = network.arrival_genomic
    scaled = (means - arrival.sequences.get_buffer("mean")) * arrival.sequences.get_buffer("scale")
    weight, bias = (arrival.sequences.get_parameter(f"project.{name}") for name in ("weight", "bias"))
    items = scaled @ weight.T + bias
    shares = arrival.pool.scores(items[None])[0].softmax(0)
    return layer_norm(shares @ items, items.shape[1:])


@pytest.mark.slow
def test_a_network_is_trained_behind_it_and_reads_sequences_through_it(
    folder: Path, published: DnaBert, tmp_path: Path
) -> None:
    write_synthetic(tmp_path / "cohort", patients=24, seed=3, flawed=False)
    settings = replace(TINY, dna=dna_backbone(NAME, folder))
    manifest = train(tmp_path / "cohort", tmp_path / "out", files_under(tmp_path), settings, lambda *_: None)
    assert (manifest.dna, manifest.dna_width) == (NAME, 12)
    assert manifest.dna_sha256 == dna_backbone(NAME, folder).sha256
    names = load_file(tmp_path / "out" / "weights.safetensors")
    assert not [name for name in names if "dnabert" in name], "the frozen weights stay where they are"
    network, _ = load_network(tmp_path / "out")
    begun = network_of(manifest, settings.seed).arrival_genomic.sequences
    assert network.arrival_genomic.sequences.get_buffer("mean").abs().min() > 0  # learnt from what was seen
    assert not torch.equal(network.arrival_genomic.sequences.get_parameter("project.weight"), begun.project.weight)
    _, genomic = load_encoders(tmp_path / "out", folder)
    text = bases(90, seed=7)
    vector = genomic.encode_sequences([text.lower()])
    assert vector.weights == manifest.encoders["genomic/sequence"]
    expected = by_hand(network, mean_of(published, folder, text)[None])
    torch.testing.assert_close(torch.tensor(vector.unpack()), expected, rtol=0, atol=1e-5)


def test_pieces_are_pooled_whatever_the_number_of_batches(folder: Path, published: DnaBert) -> None:
    manifest = behind(folder)
    network = network_of(manifest, seed=1).requires_grad_(False)
    texts = [bases(60 + number, seed=number) for number in range(11)]  # eight rows are a batch
    genomic = MolecularEncoder(network, manifest, dna_backbone(NAME, folder))
    expected = by_hand(network, torch.stack([mean_of(published, folder, text) for text in texts]))
    torch.testing.assert_close(torch.tensor(genomic.encode_sequences(texts).unpack()), expected, rtol=0, atol=1e-5)


def test_what_training_keeps_of_a_sequence_is_what_serving_reads(folder: Path, published: DnaBert) -> None:
    recording = RecordingGenomic(2, Sizes(), dna_backbone(NAME, folder))
    texts = [bases(50, seed=number) for number in range(3)]
    recording.encode_sequences(texts)
    recording.encode_sequences([])
    means = torch.stack([mean_of(published, folder, text) for text in texts[:2]])
    torch.testing.assert_close(torch.from_numpy(recording.features[0]), means, rtol=0, atol=1e-5)
    assert recording.features[1].shape == (0, 12)


def test_a_network_behind_it_is_served_with_it_and_with_no_other(folder: Path, tmp_path: Path) -> None:
    manifest, other = behind(folder), tmp_path / "other"
    write_dnabert(other / "one", seed=2)
    save_network(tmp_path, network_of(manifest, seed=1), manifest, ["genomic/sequence"])
    load_encoders(tmp_path, folder)
    for elsewhere, said in ((None, "name the folder"), (tmp_path, "model.safetensors"), (other, "use that one")):
        with pytest.raises(ValueError, match=said):
            load_encoders(tmp_path, elsewhere)
    with pytest.raises(ValueError, match=r"is small-dnabert .* trained behind dnabert2:one"):
        MolecularEncoder(network_of(manifest, seed=1), manifest)
    own = untrained_manifest(fusion="none")
    with pytest.raises(ValueError, match=r"is dnabert2:one .* trained behind small-dnabert"):
        MolecularEncoder(network_of(own, seed=1), own, dna_backbone(NAME, folder))


@pytest.mark.parametrize("changed", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_change_of_any_of_its_files_is_another_encoder(folder: Path, tmp_path: Path, changed: str) -> None:
    write_dnabert(tmp_path / "one", seed=1)
    one, other = behind(folder), behind(tmp_path)
    network = network_of(one, seed=1)
    assert encoder_hashes(network, one) == encoder_hashes(network, other)
    path = tmp_path / "one" / changed
    if changed == "model.safetensors":
        path.unlink()
        write_dnabert(tmp_path / "more", seed=2)
        (tmp_path / "more" / changed).rename(path)
    else:
        path.write_text(path.read_text() + "\n")
    before, after = (encoder_hashes(network, manifest) for manifest in (one, behind(tmp_path)))
    assert {name for name in before if before[name] != after[name]} == {"genomic/sequence"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("one", "wanted small-dnabert or dnabert2:NAME", id="without-its-kind"),
        pytest.param("dnabert2:../one", "wanted small-dnabert", id="a-path"),
        pytest.param("dnabert2:none", "has no model.safetensors", id="not-there"),
    ],
)
def test_what_is_no_dna_encoder_is_refused(folder: Path, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dna_backbone(name, folder)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        pytest.param(None, "no config.json", id="none"),
        pytest.param("[]", "vocab_size", id="not-a-configuration"),
        pytest.param("{", "is not JSON", id="not-json"),
        pytest.param(json.dumps(CONFIG | {"hidden_size": "12"}), "hidden_size", id="a-size-as-text"),
        pytest.param(
            json.dumps(CONFIG | {"num_attention_heads": 5}), "num_attention_heads", id="heads-that-do-not-fit"
        ),
        pytest.param(json.dumps(CONFIG | {"hidden_act": "relu"}), "hidden_act", id="another-activation"),
        pytest.param(json.dumps(CONFIG | {"num_hidden_layers": 3}), "tensors absent", id="weights-of-another-size"),
        pytest.param(json.dumps(CONFIG | {"vocab_size": 30}), "of another shape", id="another-vocabulary"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(tmp_path: Path, config: str | None, said: str) -> None:
    write_dnabert(tmp_path / "one", seed=1)
    path = tmp_path / "one" / "config.json"
    path.unlink() if config is None else path.write_text(config)
    with pytest.raises(ValueError, match=said):
        dna_backbone(NAME, tmp_path)


def test_pickled_weights_are_refused_with_the_remedy(tmp_path: Path) -> None:
    write_dnabert(tmp_path / "one", seed=1)
    (tmp_path / "one" / "model.safetensors").rename(tmp_path / "one" / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pickled weights, which are never read; save them as model\.safetensors"):
        dna_backbone(NAME, tmp_path)
