"""The linear part of a gene vector is a principal component analysis of the training patients, and of them alone."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from model.arrival_training import ArrivalSetting, Split
from model.descent import Descent
from model.encoder_phase import Recording, train_encoders
from model.encoders.backbones import OwnCnn
from model.encoders.dna_backbones import OwnDna
from model.encoders.gene_graph import GeneEncoder, linear_columns
from model.examples import Roles
from model.gene_components import learn_genes, principal_components
from model.labels import Labels
from model.network import Network, network_of
from model.recording import RecordingGenomic, RecordingImaging
from model.untrained import untrained_manifest

GENES = tuple(f"{kind}:G{number}" for kind in ("copy-number", "expression", "mutation") for number in range(30))


def test_components_are_those_of_another_library_with_a_fixed_sign() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 12)) @ np.random.default_rng(1).normal(size=(12, 12))
    loadings = principal_components(rows, 5)
    whitened = PCA(5, whiten=True, svd_solver="full").fit_transform(rows)
    ours = (rows - rows.mean(0)) @ loadings
    turned = ours * np.sign((ours * whitened).sum(0))
    np.testing.assert_allclose(turned, whitened, rtol=1e-4, atol=1e-4)
    assert (loadings[np.abs(loadings).argmax(0), range(5)] > 0).all()


@pytest.mark.parametrize(("rows", "rank"), [(0, 0), (1, 0), (3, 2)])
def test_components_beyond_the_rank_are_zeros(rows: int, rank: int) -> None:
    found = principal_components(np.random.default_rng(0).normal(size=(rows, 6)), 4)
    assert found.shape == (6, 4)
    assert (np.abs(found).sum(0) > 0).tolist() == [True] * rank + [False] * (4 - rank)


def test_each_kind_has_columns_of_its_own_learnt_where_it_was_measured() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=(80, 90)).astype(np.float32)
    measured = np.ones((80, 90), np.bool_)
    measured[:40, :30] = False  # of these patients no copy number is known
    encoder = GeneEncoder(GENES, (), 128)
    learn_genes(encoder, GENES, 128, values, measured)
    scores = encoder(torch.from_numpy(values), torch.from_numpy(measured))[:, :24].detach()
    columns = linear_columns(GENES, 128)
    for place, kind in enumerate(("copy-number", "expression", "mutation")):
        own = torch.zeros(90, dtype=torch.bool)
        own[30 * place : 30 * place + 30] = True
        assert (encoder.components[~own, columns[kind]] == 0).all()
        rows = scores[40:] if kind == "copy-number" else scores
        torch.testing.assert_close(rows[:, columns[kind]].std(0), torch.ones_like(rows[0, columns[kind]]))
    assert (scores[:40, columns["copy-number"]] == 0).all()


def trained(values: NDArray[np.float32], seed: int = 1) -> Network:
    """Phase one on gene values (N, 90) alone; every third patient is held out."""
    patients = len(values)
    manifest = untrained_manifest().model_copy(update={"genes": GENES, "pathways": (("G0", "G1"),)})
    recording = RecordingGenomic(4, manifest.sizes, OwnDna())
    recording.genes.extend(dict(zip(GENES, map(float, row), strict=True)) for row in values)
    network = network_of(manifest, seed=2)
    bins, generator = len(manifest.tasks.edges_days), torch.Generator().manual_seed(seed)
    labels = Labels(
        diagnosis=torch.from_numpy(values[:, 0] > 0).long(),
        treatment=torch.full((patients,), -1),
        response=torch.zeros(patients),
        hazard=torch.zeros(patients, 1, bins),
        at_risk=torch.zeros(patients, 1, bins),
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        train_encoders(
            network,
            Recording(RecordingImaging(64, 4, {}, OwnCnn()), recording, {"genomic/genes": torch.arange(patients)}),
            Split(labels, Roles(torch.arange(patients) % 3 != 0, torch.arange(patients) % 3 == 0)),
            ArrivalSetting(manifest, Descent(epochs=1, rate=1e-3), generator, lambda *_: None),
        )
    return network


def test_training_learns_components_of_training_patients_and_is_the_same_again() -> None:
    values = np.random.default_rng(0).normal(size=(45, 90)).astype(np.float32)
    one, again = trained(values), trained(values)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in one.state_dict().items())
    untouched = network_of(untrained_manifest().model_copy(update={"genes": GENES, "pathways": ()}), seed=2)
    assert not torch.equal(one.arrival_genomic.genes.graph.mark, untouched.arrival_genomic.genes.graph.mark)
    held_changed, one_trained_changed = values.copy(), values.copy()
    held_changed[::3] += 7
    one_trained_changed[1] += 7
    assert torch.equal(trained(held_changed).arrival_genomic.genes.components, one.arrival_genomic.genes.components)
    assert not torch.equal(
        trained(one_trained_changed).arrival_genomic.genes.components, one.arrival_genomic.genes.components
    )
