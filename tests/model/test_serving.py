"""A loaded network answers the same bytes in any batch and place, and refuses to be what it is not."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from model.answers import ROWS
from model.arrival import load_encoders
from model.backends import BackendSettings
from model.serving import Embedding, Predictor, PredictSettings, load_predictor
from model.untrained import write_untrained
from schemas.canonical import content_hash
from schemas.evidence import Evidence, Modality, Origin, Vector, evidence
from schemas.picture import Absence
from schemas.request import Cause, History, Request, Status
from schemas.result import Result, plain
from schemas.tokens import ObservationToken, VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATTERNS = ("cig", "ci", "c", "g", "i", "cg", "ig")
LETTERS = {"c": Modality.CLINICAL, "i": Modality.IMAGING, "g": Modality.GENOMIC}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network")
    write_untrained(path, seed=5)
    return path


@pytest.fixture(scope="module")
def predictor(folder: Path) -> Predictor:
    return load_predictor(folder)


@pytest.fixture(scope="module")
def vectors(folder: Path) -> list[Vector]:
    imaging, _ = load_encoders(folder)
    bags = np.random.default_rng(3).normal(size=(40, 9, 512)).astype(np.float32)
    return [imaging.encode_bag([bag], "uni-512") for bag in bags]


@pytest.fixture(scope="module")
def requests(predictor: Predictor, vectors: list[Vector]) -> list[Request]:
    model = predictor.manifest.model
    return [request(number, PATTERNS[number % 7], model, vectors[number]) for number in range(40)]


def request(number: int, pattern: str, model: str, vector: Vector, status: Status = Status.FINAL) -> Request:
    pieces = {
        "c": piece(number, "c", tokens=[token(code, number) for code in range(5)]),
        "i": piece(number, "i", vectors=[vector]),
        "g": piece(number, "g", tokens=[variant(gene, number) for gene in ("TP53", "KRAS")]),
    }
    return Request(
        id=f"request-{number}",
        patient=f"p-{number}",
        model=model,
        evidence=tuple(pieces[letter] for letter in pattern),
        missing={modality: Absence.NEVER_SEEN for letter, modality in LETTERS.items() if letter not in pattern},
        history=History(revision=1, status=status, cause=Cause.QUORUM),
        asked_at=NOON,
    )


def piece(
    number: int,
    letter: str,
    tokens: Sequence[ObservationToken | VariantToken] = (),
    vectors: Sequence[Vector] = (),
) -> Evidence:
    origin = Origin(topic="t", partition=0, offset=number)
    return evidence(
        patient=f"p-{number}",
        modality=LETTERS[letter],
        source=letter,
        version="1",
        occurred_at=NOON,
        origin=origin,
        tokens=tokens,
        vectors=vectors,
    )


def token(code: int, number: int) -> ObservationToken:
    return ObservationToken(code=f"l|{code}", value=float(code * number % 11), at=NOON - timedelta(days=code))


def variant(gene: str, number: int) -> VariantToken:
    return VariantToken(gene=gene, change=f"{gene}:{number}", vaf=0.02 * (number % 40), depth=100, at=NOON)


def answers(predictor: Predictor, requests: Sequence[Request]) -> list[bytes]:
    return [result.to_json() for result in predictor.predict(requests, embedded(predictor, requests))]


def embedded(predictor: Predictor, requests: Sequence[Request]) -> list[dict[Modality, Embedding]]:
    wanted = [(place, modality) for place, one in enumerate(requests) for modality in predictor.present(one)]
    found: list[dict[Modality, Embedding]] = [{} for _ in requests]
    for (place, modality), embedding in zip(wanted, predictor.encode(requests, wanted), strict=True):
        found[place][modality] = embedding
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_request_gives_the_same_bytes_in_any_batch_and_place(
    predictor: Predictor, requests: list[Request], seed: int
) -> None:
    together = answers(predictor, requests)
    order = np.random.default_rng(seed).permutation(40)[: 11 * (seed + 1)]
    assert answers(predictor, [requests[place] for place in order]) == [together[place] for place in order]


def test_neither_how_many_are_asked_about_nor_a_second_turn_changes_a_byte(
    predictor: Predictor, requests: list[Request]
) -> None:
    alone = [answers(predictor, [one])[0] for one in requests[:7]]
    crowd = [*requests, *requests][: ROWS + 9]
    assert len(crowd) > ROWS  # more than are answered at once
    together = answers(predictor, crowd)
    assert together[:7] == alone
    assert together[40:] == together[: len(crowd) - 40]


def test_an_embedding_that_is_not_given_is_an_error_and_never_imputed(
    predictor: Predictor, requests: list[Request]
) -> None:
    (given,) = embedded(predictor, requests[:1])
    del given[Modality.IMAGING]
    with pytest.raises(KeyError):
        predictor.predict(requests[:1], [given])


def test_a_memo_hit_gives_the_same_bytes_as_a_miss(predictor: Predictor, requests: list[Request]) -> None:
    memo = {
        predictor.memo_key(one, modality): embedding.tobytes()
        for one, found in zip(requests, embedded(predictor, requests), strict=True)
        for modality, embedding in found.items()
    }
    hits = [
        {m: np.frombuffer(memo[predictor.memo_key(one, m)], "<f4") for m in predictor.present(one)}
        for one in requests[:3]
    ]
    stored = [result.to_json() for result in predictor.predict(requests[:3], hits)]
    assert stored == answers(predictor, requests[:3])


def test_the_memo_key_changes_with_the_evidence_alone(predictor: Predictor, vectors: list[Vector]) -> None:
    one, other = (request(number, "cig", "m", vectors[0]) for number in (1, 2))
    again = one.model_copy(update={"id": "later", "evidence": (*one.evidence[:2], other.evidence[2])})
    assert predictor.memo_key(one, Modality.CLINICAL) == predictor.memo_key(again, Modality.CLINICAL)
    assert predictor.memo_key(one, Modality.GENOMIC) != predictor.memo_key(again, Modality.GENOMIC)


def test_a_result_says_what_it_must(predictor: Predictor, requests: list[Request]) -> None:
    results = predictor.predict(requests[:7], embedded(predictor, requests[:7]))
    for one, result in zip(requests, results, strict=False):
        assert result.diagnosis is not None
        assert result.doubt is not None
        assert sum(result.diagnosis.probabilities.values()) == pytest.approx(1, abs=5e-6)
        parts = result.doubt.data + result.doubt.imputation + result.doubt.model
        assert result.doubt.total == pytest.approx(parts, abs=5e-6)
        assert set(result.imputed) == set(one.missing) == {step.modality for step in result.next}
        assert all(step.expected_drop >= 0 for step in result.next)
        assert result.content_sha256 == content_hash(plain(result.content))
        assert Result.model_validate_json(result.to_json()).to_json() == result.to_json()
        curve = result.prognosis["OS"].survival
        assert list(curve) == sorted(curve, reverse=True)


@pytest.mark.parametrize("pattern", ["", "c"])
def test_without_evidence_or_withdrawn_nothing_is_said(
    predictor: Predictor, vectors: list[Vector], pattern: str
) -> None:
    status = Status.WITHDRAWN if pattern else Status.FINAL
    one = request(1, pattern, predictor.manifest.model, vectors[0], status)
    stray = {Modality.CLINICAL: np.zeros(1, np.float32)}
    (result,) = predictor.predict([one], [stray])
    assert (result.diagnosis, result.doubt, result.abstained) == (None, None, "no-evidence")


def test_a_request_for_another_network_is_not_answered(predictor: Predictor, vectors: list[Vector]) -> None:
    with pytest.raises(ValueError, match="another network"):
        predictor.predict([request(1, "c", "other@0", vectors[0])], [{}])


def test_an_absent_backend_falls_back_and_says_so(folder: Path, requests: list[Request]) -> None:
    predictor = load_predictor(folder, PredictSettings(quantum=BackendSettings("device:ionq.qpu:1000")))
    (result,) = predictor.predict(requests[:1], embedded(predictor, requests[:1]))
    ran = result.provenance
    assert (ran.quantum_backend, ran.quantum_reason) == ("exact", "not-available")
    assert ran.fallbacks == ("device:ionq.qpu:1000->exact",)


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.json", "manifest.json"])
def test_a_folder_that_disagrees_with_itself_is_not_read(tmp_path: Path, name: str) -> None:
    write_untrained(tmp_path, seed=5)
    content = (tmp_path / name).read_bytes()
    if name == "manifest.json":
        manifest = json.loads(content)
        manifest["encoders"]["imaging/cnn"] = "0" * 64
        content = json.dumps(manifest).encode()
    else:
        content = content[:-2] + bytes([content[-2] ^ 1]) + content[-1:]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"again"):
        load_predictor(tmp_path)


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    one, other = write_untrained(tmp_path / "a", seed=5), write_untrained(tmp_path / "b", seed=5)
    assert one == other != write_untrained(tmp_path / "c", seed=6)
