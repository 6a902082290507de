"""What is large, malformed or the sender's own ends in evidence or in a refusal, soon, and is not remembered."""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhir_messages import (
    DOCUMENT,
    DRUG,
    MEDICATION,
    MRN,
    NOTE,
    OBSERVATION,
    PATIENT,
    RULES,
    VARIANT_PARTS,
    bundle,
    coded,
    message,
    quantity,
    read_one,
    refusal,
)

from model.intake.clinical import read_observation
from schemas.errors import Reason, Refused
from schemas.evidence import EvidenceStatus

MANY = 100_000


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        pytest.param(OBSERVATION | {"extension": [{}] * MANY}, 1, id="extensions"),
        pytest.param(OBSERVATION | {f"k{number}": 1 for number in range(MANY)}, 1, id="fields"),
        pytest.param(OBSERVATION | {"contained": [{"resourceType": "Patient", "id": "p"}] * MANY}, 1, id="contained"),
        pytest.param(OBSERVATION | {"code": {"coding": [{"code": "c"}] * MANY}}, 1, id="codings"),
        pytest.param(bundle(OBSERVATION) | {"extension": [{}] * MANY}, 0, id="of-the-bundle"),
        pytest.param(
            bundle(
                MEDICATION | {"medicationReference": {"reference": "urn:uuid:1"}}, DRUG | {"extension": [{}] * MANY}
            ),
            1,
            id="of-the-drug-beside",
        ),
    ],
)
def test_more_than_a_resource_holds_is_refused_before_it_takes_long(content: dict[str, Any], kept: int) -> None:
    started = time.process_time()
    refused = refusal(content)
    assert time.process_time() - started < 2
    assert refused.reason is Reason.TOO_LARGE
    assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE] * kept


def test_the_first_wrong_entries_of_a_bundle_end_the_work() -> None:
    started = time.process_time()
    refused = refusal(bundle(OBSERVATION) | {"entry": [{"extension": [{}]}] * MANY})
    assert time.process_time() - started < 2
    assert refused.reason is Reason.NOT_FHIR


def test_a_content_type_of_a_megabyte_is_read_by_nobody() -> None:
    started = time.process_time()
    kind = "urn:oid:" + "1." * 500_000
    one = read_one(DOCUMENT | {"content": [{"attachment": NOTE | {"contentType": kind}}]})
    assert [token.flags for token in one.tokens] == [("note-unread",)]
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda own: OBSERVATION | {"code": coded(own), "valueQuantity": quantity(1, "g/L")}, id="codes"),
        pytest.param(lambda own: OBSERVATION | {"resourceType": own}, id="types"),
    ],
)
def test_what_senders_write_is_not_remembered(make: Callable[[str], dict[str, Any]]) -> None:
    tracemalloc.start()
    reason_of(make("warm"))
    before, _ = tracemalloc.get_traced_memory()
    for number in range(20):
        reason_of(make(f"{number}" + "x" * 500_000))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 2_000_000


def altered(value: Any) -> Iterator[Any]:
    """Every copy of `value` with one part of it replaced by something of another shape."""
    yield from (None, [], {}, [None], [[1]], "x", -1, True, {"x": 1}, "{}", "[1]", 1e308)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in items:
        for other in altered(held):
            yield {**value, key: other} if isinstance(value, dict) else [*value[:key], other, *value[key + 1 :]]


@pytest.mark.parametrize(
    "content",
    [
        bundle(OBSERVATION | {"valueQuantity": quantity(1, "g/dL"), "meta": {"versionId": "1"}}),
        OBSERVATION | {"code": coded("69548-6"), "component": VARIANT_PARTS[:3]},
        PATIENT | {"identifier": [MRN]},
    ],
)
def test_whatever_is_malformed_is_evidence_or_a_refusal(content: dict[str, Any]) -> None:
    reasons = [reason_of(other) for other in altered(content)]
    assert reasons.count(None) > 0
    assert reasons.count(Reason.NOT_FHIR) > len(reasons) / 4
    assert Reason.INTERNAL_ERROR not in reasons


def reason_of(content: Any) -> Reason | None:
    """Why a message is refused, or None where it is read; anything else that is raised is a bug."""
    try:
        read_observation(message(content), RULES)
    except Refused as refused:
        return refused.reason
    return None
