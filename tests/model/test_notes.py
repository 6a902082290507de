"""A note that an encoder has read travels as a vector without its text, and only networks trained so can see it."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.encoders.arrived import NOTES
from model.feature_reader import FeatureReader
from model.features import batch_of
from model.intake.clinical import ClinicalRules, read_observation
from model.network import Network, network_of
from model.untrained import untrained_manifest
from model.weights import load_network, save_network
from schemas.evidence import Evidence, Modality, Vector
from schemas.manifest import Manifest
from schemas.message import Message
from schemas.picture import Absence, Window, merge_all, view

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = "Margins clear, says Dr Unmistakable."


class ByHash:
    """A notes encoder whose vectors are numbers drawn from the text's hash."""

    def __init__(self, weights: str = "w1") -> None:
        self.weights = weights

    def encode_note(self, text: str) -> Vector:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        return Vector.pack(NOTES, self.weights, np.random.default_rng(seed).normal(size=128).astype(np.float32))


def attached(text: str, media: str = "text/plain") -> dict[str, Any]:
    return {"attachment": {"contentType": media, "data": base64.b64encode(text.encode()).decode()}}


def document(*content: dict[str, Any], status: str = "current", day: int = 1) -> Message:
    resource = {
        "resourceType": "DocumentReference",
        "id": f"d{day}",
        "status": status,
        "subject": {"reference": "Patient/p1"},
        "date": f"2026-01-{day:02}T09:00:00Z",
        "content": list(content),
    }
    return Message("fhir.observations", 0, 7, None, json.dumps(resource).encode(), timestamp=NOON)


def read(message: Message, weights: str = "w1") -> Evidence:
    (one,) = read_observation(message, ClinicalRules(notes=ByHash(weights))).evidence
    return one


def test_a_note_that_was_read_is_a_vector_and_its_text_stays_behind() -> None:
    one = read(document(attached(TEXT)))
    assert (one.modality, one.tokens, one.flags) == (Modality.CLINICAL, (), ())
    assert one.vectors == (ByHash().encode_note(TEXT),)
    assert "Unmistakable" not in one.model_dump_json()


def test_what_cannot_be_read_is_a_token_that_says_so() -> None:
    one = read(document(attached(TEXT), attached("%PDF", media="application/pdf"), attached("Second.")))
    assert [vector.data for vector in one.vectors] == [ByHash().encode_note(text).data for text in (TEXT, "Second.")]
    assert [token.flags for token in one.tokens] == [("note-unread",)]


def test_a_withdrawn_note_is_not_read() -> None:
    one = read(document(attached(TEXT), status="entered-in-error"))
    assert (one.status.value, one.vectors, one.tokens) == ("withdrawn", (), ())


def test_of_a_book_the_beginning_is_read_and_that_is_said() -> None:
    book = TEXT * 4000
    one = read(document(attached(book)))
    assert (one.flags, one.vectors) == (("note-cut",), (ByHash().encode_note(book[:100_000]),))


def notes_manifest(weights: str = "w1") -> Manifest:
    return untrained_manifest().model_copy(update={"encoders": {NOTES: weights}})


@pytest.fixture(scope="module")
def network() -> Network:
    return network_of(notes_manifest(), seed=2).eval()


@torch.no_grad()
def clinical(network: Network, pieces: list[Evidence], manifest: Manifest) -> list[float]:
    found: list[float] = network.embed(
        Modality.CLINICAL, batch_of(FeatureReader(manifest).read(Modality.CLINICAL, [pieces]))
    )[0].tolist()
    return found


def test_a_network_behind_notes_sees_each_of_them_and_their_age(network: Network) -> None:
    manifest = notes_manifest()
    first, second = read(document(attached(TEXT))), read(document(attached("Recurrence."), day=9))
    seen = [clinical(network, pieces, manifest) for pieces in ([], [first], [second], [first, second])]
    assert len({tuple(numbers) for numbers in seen}) == 4
    later = second.model_copy(update={"occurred_at": second.occurred_at + timedelta(days=400)})
    assert clinical(network, [first, later], manifest) != seen[3]


def test_notes_behind_other_weights_are_not_felt(network: Network) -> None:
    foreign = read(document(attached(TEXT)), weights="w2")
    assert clinical(network, [foreign], notes_manifest()) == clinical(network, [], notes_manifest())


def test_a_network_without_notes_has_no_place_for_them() -> None:
    manifest = untrained_manifest()
    plain, behind = network_of(manifest, seed=2), network_of(notes_manifest(), seed=2)
    assert set(FeatureReader(manifest).read(Modality.CLINICAL, [[]])) < set(
        FeatureReader(notes_manifest()).read(Modality.CLINICAL, [[]])
    )
    more = {name for name in behind.clinical.state_dict() if name not in plain.clinical.state_dict()}
    assert more == {"notes.reader.weight", "notes.reader.bias", "notes.ago.weight"}


@pytest.mark.parametrize(
    ("encoders", "absence"),
    [
        pytest.param({NOTES: "w1"}, None, id="its-own"),
        pytest.param({NOTES: "w2"}, Absence.ENCODER_CHANGED, id="another"),
        pytest.param({}, Absence.ENCODER_CHANGED, id="none"),
    ],
)
def test_notes_count_where_the_network_was_trained_behind_their_encoder(
    encoders: dict[str, str], absence: Absence | None
) -> None:
    lives, most = dict.fromkeys(Modality, timedelta(days=4000)), dict.fromkeys(Modality, 9)
    seen = view(merge_all({}, [read(document(attached(TEXT)))]), Window(lives, most, encoders))
    assert seen.missing.get(Modality.CLINICAL) is absence


def test_a_networks_folder_keeps_the_hash_of_an_encoder_that_it_does_not_hold(tmp_path: Path, network: Network) -> None:
    sealed = save_network(tmp_path, network, notes_manifest(), ["imaging/cnn"])
    assert set(sealed.encoders) == {NOTES, "imaging/cnn"}
    loaded, manifest = load_network(tmp_path)
    assert manifest == sealed
    assert loaded.clinical.state_dict().keys() == network.clinical.state_dict().keys()
