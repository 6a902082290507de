"""Conditions, procedures, medications and documents: what they say, and whether it was done."""

import base64
from typing import Any

import pytest
from fhir_messages import CONDITION, LOINC, MEDICATION, NINE, NOTE, PROCEDURE, coded, read_one, refusal, without

from schemas.errors import Reason
from schemas.evidence import EvidenceStatus
from schemas.tokens import ObservationToken


@pytest.mark.parametrize(
    ("adherence", "status", "flags"),
    [
        ("taking", EvidenceStatus.CURRENT, [("medicationstatement",)]),
        ("stopped", EvidenceStatus.CURRENT, [("medicationstatement", "status-stopped")]),
        ("not-taking", EvidenceStatus.WITHDRAWN, []),
    ],
)
def test_whether_a_medicine_is_taken_is_read_in_r5_as_in_r4(
    adherence: str, status: EvidenceStatus, flags: list[tuple[str, ...]]
) -> None:
    one = read_one(
        {
            **{"resourceType": "MedicationStatement", "id": "m", "status": "recorded"},
            **{"subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-01-01T09:00:00Z"},
            "medication": {"concept": coded("1", "urn:x")},
            "adherence": {"code": coded(adherence, "http://hl7.org/fhir/CodeSystem/medication-statement-adherence")},
        }
    )
    assert (one.status, [token.flags for token in one.tokens]) == (status, flags)


@pytest.mark.parametrize(
    ("status", "answer", "flags"),
    [
        pytest.param("completed", "urn:x|2", (), id="completed"),
        *(
            pytest.param(status, "urn:x|2", (f"status-{status}",), id=status)
            for status in ("in-progress", "on-hold", "stopped", "unknown")
        ),
        pytest.param("preparation", "", ("status-preparation",), id="preparation-says-no-site-done"),
        pytest.param("not-done", None, (), id="not-done-is-withdrawn"),
        pytest.param("entered-in-error", None, (), id="entered-in-error-is-withdrawn"),
    ],
)
def test_only_a_completed_act_says_that_it_is_done(status: str, answer: str | None, flags: tuple[str, ...]) -> None:
    done, given = ({"status": status}, {"medicationCodeableConcept": coded("1", "urn:x")})
    read = [read_one(PROCEDURE | done)]
    read += [read_one(MEDICATION | done | given)] if status != "preparation" else []  # has no such status
    for one in read:
        assert (one.status is EvidenceStatus.WITHDRAWN) == (answer is None)
        said = [(token.code, token.flags) for token in one.tokens if isinstance(token, ObservationToken)]
        assert said == ([] if answer is None else [("urn:x|1", (one.source.partition("/")[0].lower(), *flags))])
    assert [token.answer for token in read[0].tokens if isinstance(token, ObservationToken)] == (
        [] if answer is None else [answer]
    )


@pytest.mark.parametrize(
    ("content", "flags"),
    [
        pytest.param(CONDITION | {"verificationStatus": {"text": "refuted"}}, ("status-unknown",), id="condition"),
        pytest.param(CONDITION | {"verificationStatus": coded("confirmed", "urn:v")}, (), id="confirmed"),
        pytest.param(CONDITION, (), id="condition-without-one"),
        pytest.param(
            {
                **{"resourceType": "MedicationStatement", "status": "recorded", "dateAsserted": "2026-01-01T09:00:00Z"},
                **{"subject": {"reference": "Patient/p1"}, "medication": {"concept": coded("1", "urn:x")}},
                "adherence": {"code": {"text": "not taking"}},
            },
            ("status-unknown",),
            id="adherence",
        ),
    ],
)
def test_a_status_in_words_alone_may_say_anything(content: dict[str, Any], flags: tuple[str, ...]) -> None:
    one = read_one({"code": coded("1", "urn:x")} | content if content["resourceType"] == "Condition" else content)
    assert [token.flags for token in one.tokens] == [(content["resourceType"].lower(), *flags)]


def test_a_document_whose_code_would_travel_ten_thousand_times_is_refused() -> None:
    """Evidence larger than Kafka takes would stop the worker, and so every other patient."""
    refused = refusal(
        {
            **{"resourceType": "DocumentReference", "id": "d", "status": "current", "date": "2026-01-01T09:00:00Z"},
            **{"subject": {"reference": "Patient/p1"}, "type": coded("c" * 5000, "urn:x")},
            "content": [{"attachment": {"url": "http://a/b"}}] * 2000,
        }
    )
    assert refused.reason is Reason.TOO_LARGE
    assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE]


@pytest.mark.parametrize(
    ("charset", "data", "answer"),
    [
        pytest.param("; charset=ISO-8859-1", "Fr\u00fch".encode("latin-1"), "Fr\u00fch", id="as-it-says"),
        pytest.param('; charset="utf-16le"', "clear".encode("utf-16le"), "clear", id="of-two-bytes"),
        pytest.param("", "Fr\u00fch".encode(), "Fr\u00fch", id="utf-8-where-it-does-not-say"),
        pytest.param("", "clear".encode("utf-16le"), "", id="not-what-it-seems"),
        pytest.param("; charset=zork", b"clear", "", id="no-such-charset"),
        pytest.param("; charset=utf-8", "Fr\u00fch".encode("latin-1"), "", id="not-what-it-says"),
    ],
)
def test_a_note_is_read_in_its_own_charset(charset: str, data: bytes, answer: str) -> None:
    attachment = {"contentType": f"text/plain{charset}", "data": base64.b64encode(data).decode()}
    one = read_one(
        {
            **{"resourceType": "DocumentReference", "id": "d", "status": "current", "date": "2026-01-01T09:00:00Z"},
            **{"subject": {"reference": "Patient/p1"}, "content": [{"attachment": attachment}]},
        }
    )
    assert [(token.answer, token.flags) for token in one.tokens] == [
        (answer, ("note",) if answer else ("note-unread",))
    ]


@pytest.mark.parametrize(
    ("fields", "code", "answer", "flags", "status"),
    [
        pytest.param(
            {
                "resourceType": "Condition",
                "code": coded("C50", "http://hl7.org/fhir/sid/icd-10"),
                "clinicalStatus": coded("active", "urn:c"),
                "onsetDateTime": "2026-01-01T09:00:00Z",
            },
            *("http://hl7.org/fhir/sid/icd-10|C50", "urn:c|active", ("condition",), "current"),
            id="condition",
        ),
        pytest.param(
            {
                "resourceType": "Condition",
                "code": coded("C50", "urn:x"),
                "verificationStatus": coded(
                    "entered-in-error", "http://terminology.hl7.org/CodeSystem/condition-ver-status"
                ),
                "recordedDate": "2026-01-01T09:00:00Z",
            },
            *("", "", (), "withdrawn"),
            id="condition-in-error",
        ),
        pytest.param(
            {
                "resourceType": "Procedure",
                "status": "preparation",
                "code": coded("1", "urn:x"),
                "performedPeriod": {"end": "2026-01-01T09:00:00Z"},
            },
            *("urn:x|1", "", ("procedure", "status-preparation"), "current"),
            id="procedure",
        ),
        pytest.param(
            MEDICATION | {"medicationCodeableConcept": coded("1", "urn:x")},
            *("urn:x|1", "", ("medicationadministration",), "current"),
            id="administration-r4",
        ),
        pytest.param(
            without(MEDICATION, "effectiveDateTime")
            | {"occurenceDateTime": "2026-01-01T09:00:00Z", "medication": {"concept": coded("1", "urn:x")}},
            *("urn:x|1", "", ("medicationadministration",), "current"),
            id="administration-r5",
        ),
        pytest.param(
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "type": coded("34108-1"),
                "date": "2026-01-01T09:00:00Z",
                "content": [{"attachment": NOTE}],
            },
            *(f"{LOINC}|34108-1", "Margins clear.", ("note",), "current"),
            id="note",
        ),
    ],
)
def test_other_resources_are_tokens_too(
    fields: dict[str, Any], code: str, answer: str, flags: tuple[str, ...], status: str
) -> None:
    one = read_one({"subject": {"reference": "Patient/p1"}} | fields)
    expected = (ObservationToken(code=code, answer=answer, at=NINE, flags=flags),) if code else ()
    assert (one.tokens, one.status.value, one.occurred_at) == (expected, status, NINE)
