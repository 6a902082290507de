"""ctDNA: what zero reads say depends on the depth, a gap says nothing, and the draws are a series in time."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from model.encoders.ctdna_draws import DRAWS, counts_of, draw_features, draws_of, fraction_evidence
from model.encoders.genomic import GenomicModality
from model.feature_reader import FeatureReader
from model.features import Batch, Features, padded
from model.untrained import untrained_manifest
from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.tokens import VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANIFEST = untrained_manifest()


def site(reads: int | None, depth: int | None, day: float = 0, **more: object) -> VariantToken:
    token = VariantToken(
        gene="KRAS", change="c", assay="ctdna", mutant_reads=reads, depth=depth, at=NOON + timedelta(days=day)
    )
    return token.model_copy(update=more)


def piece(*tokens: VariantToken) -> Evidence:
    return evidence(
        patient="p",
        modality=Modality.GENOMIC,
        source="s",
        version="1",
        occurred_at=NOON,
        origin=Origin(topic="t", partition=0, offset=0),
        tokens=tokens,
    )


def features(*tokens: VariantToken) -> Features:
    read = FeatureReader(MANIFEST).read(Modality.GENOMIC, [[piece(*tokens)]])
    return {name: array[0] for name, array in read.items()}


def draws(pieces: Sequence[Evidence]) -> Features:
    return {name: array[0] for name, array in draw_features([pieces]).items()}


@pytest.fixture(scope="module")
def modality() -> GenomicModality:
    torch.manual_seed(1)
    return GenomicModality(32, 4).eval().requires_grad_(False)


def batch(*rows: Features) -> Batch:
    found = padded({name: np.stack([row[name] for row in rows]) for name in rows[0]}, 8)
    return found | {"vectors": torch.zeros(8, 16, 32)}


@pytest.mark.parametrize(("mutant", "reads"), [(0, 200), (0, 20_000), (1, 1), (3, 5_000), (40, 80), (50_000, 100_000)])
def test_the_evidence_of_a_draw_is_that_of_its_beta_distribution(mutant: int, reads: int) -> None:
    posterior = beta(mutant + 0.5, reads - mutant + 0.5)

    def moment(power: int) -> float:  # over the logit of p, where the density is smooth
        def part(u: float) -> float:
            p = 1 / (1 + math.exp(-u))
            return math.log10(p) ** power * math.exp(posterior.logpdf(p)) * p * (1 - p)

        middle = math.log((mutant + 0.5) / (reads - mutant + 0.5))
        return sum(quad(part, low, high, limit=200)[0] for low, high in pairwise(middle + np.linspace(-30, 30, 13)))

    mean, deviation, bound = fraction_evidence(mutant, reads)
    assert mean == pytest.approx(moment(1), abs=1e-5)
    assert deviation == pytest.approx(math.sqrt(moment(2) - moment(1) ** 2), rel=1e-3)
    assert posterior.cdf(10**bound) == pytest.approx(0.95, abs=1e-9)


@given(st.lists(st.integers(1, 10**7), min_size=2, max_size=6, unique=True))
def test_the_more_reads_without_a_mutant_the_lower_the_bound(depths: list[int]) -> None:
    bounds = [float(fraction_evidence(0, depth)[2]) for depth in sorted(depths)]
    assert all(deeper < shallower for shallower, deeper in pairwise(bounds))


def test_zero_reads_is_not_an_absent_draw(modality: GenomicModality) -> None:
    zero, gap = features(site(0, 5000)), features(site(None, None))
    assert zero["drawn"].tolist() == [True] + [False] * (DRAWS - 1)
    assert not gap["drawn"].any()
    as_gap = zero | {name: gap[name] for name in ("draws", "drawn")}  # the variants beside them are the same
    said = modality(batch(zero, as_gap, zero | {"draws": features(site(0, 50))["draws"]}))
    assert not torch.allclose(said[0], said[1])
    assert not torch.allclose(said[0], said[2])


@pytest.mark.parametrize(
    ("token", "counted"),
    [
        pytest.param(site(0, 900), (0, 900), id="zero-is-a-measurement"),
        pytest.param(site(7, 900), (7, 900), id="counts"),
        pytest.param(site(None, 900), None, id="no-reads-is-a-gap"),
        pytest.param(site(7, None), None, id="no-depth-is-a-gap"),
        pytest.param(site(0, 0), None, id="nothing-covered-is-a-gap"),
        pytest.param(site(None, 900, vaf=0.01), (9, 900), id="fraction-of-a-depth"),
        pytest.param(site(None, None, vaf=0.01), None, id="fraction-of-nothing-known"),
        pytest.param(site(12, 10), (12, 12), id="depth-after-filters"),
        pytest.param(site(None, None, value=4.2), None, id="burden-is-no-site"),
    ],
)
def test_what_counts_at_a_site(token: VariantToken, counted: tuple[int, int] | None) -> None:
    assert counts_of(token) == counted


def test_sites_of_a_draw_are_pooled_and_other_assays_and_gaps_are_left_out() -> None:
    tokens = [site(2, 1000), site(0, 3000), site(None, None), site(500, 1000, assay="panel"), site(1, 50, day=9)]
    found = draws([piece(*tokens[:2]), piece(*tokens[2:])])
    assert sorted(draws_of([piece(*tokens)]).values()) == [[(1, 50)], [(2, 1000), (0, 3000)]]
    np.testing.assert_allclose(found["draws"][0, :3], fraction_evidence(2, 4000), rtol=1e-6)
    np.testing.assert_allclose(found["draws"][0, 3:], [math.log1p(9) / 5, 0, math.log1p(2) / 5, 1], rtol=1e-6)
    np.testing.assert_allclose(found["draws"][1, 3:5], [0, math.log1p(9) / 5], rtol=1e-6)


@given(st.permutations([site(reads, 1000 + reads, day) for reads in range(3) for day in (0, 2, 30)]))
def test_the_order_of_tokens_does_not_matter(tokens: Sequence[VariantToken]) -> None:
    found = draws([piece(*tokens[:4]), piece(*tokens[4:])])
    expected = draws([piece(*sorted(tokens, key=lambda token: (token.at, token.depth)))])
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_the_order_of_draws_in_time_matters(modality: GenomicModality) -> None:
    rising, falling = features(site(0, 900, 0), site(90, 900, 30)), features(site(90, 900, 0), site(0, 900, 30))
    said = modality(batch(rising, rising | {"draws": falling["draws"]}))
    assert not torch.allclose(said[0], said[1])


def test_the_newest_draws_enter_and_shapes_never_vary() -> None:
    long, none = features(*(site(day, 900, day) for day in range(20))), features()
    np.testing.assert_allclose(long["draws"][0, :3], fraction_evidence(4, 900), rtol=1e-6)
    assert {name: (array.shape, array.dtype) for name, array in long.items()} == {
        name: (array.shape, array.dtype) for name, array in none.items()
    }


def test_no_draw_feels_the_padding_nor_another_patient(modality: GenomicModality) -> None:
    rows = [features(*(site(day, 900, day) for day in range(count))) for count in range(1, 6)]
    expected = modality(batch(*rows))
    for order in ([4, 3, 2, 1, 0], [2, 2, 0, 4, 1]):
        assert torch.equal(modality(batch(*(rows[place] for place in order)))[:5], expected[order])
    spoilt = batch(*rows)
    spoilt["draws"] = spoilt["draws"].masked_fill(~spoilt["drawn"].unsqueeze(-1), 1e6)
    assert torch.equal(modality(spoilt), expected)


def test_draws_stay_in_the_set_of_variants() -> None:
    assert features(site(0, 900))["shown"].sum() == 1
