"""What cannot be read is refused for its reason, and what is unreadable is told."""

from typing import Any

import pytest
from fhir_messages import MRN, OBSERVATION, PATIENT, PROCEDURE, bundle, coded, quantity, refusal, without

from schemas.errors import Reason
from schemas.evidence import EvidenceStatus

BY_ADDRESS = {"resourceType": "Encounter", "subject": {"reference": "urn:uuid:0"}}
R5_PROCEDURE = {key: value for key, value in PROCEDURE.items() if key != "performedDateTime"} | {
    "occurrenceDateTime": "2026-01-01T09:00:00Z"
}


@pytest.mark.parametrize(
    ("content", "reason", "kept"),
    [
        pytest.param(without(OBSERVATION, "subject"), Reason.NO_PATIENT, 0, id="no-subject"),
        pytest.param(OBSERVATION | {"subject": {"reference": "Group/g"}}, Reason.NO_PATIENT, 0, id="a-group"),
        pytest.param(
            OBSERVATION | {"modifierExtension": [{"url": "http://a/not", "valueBoolean": True}]},
            Reason.UNSUPPORTED,
            1,
            id="turned-round-perhaps",
        ),
        pytest.param(
            OBSERVATION | {"implicitRules": "http://a/rules"}, Reason.UNSUPPORTED, 1, id="under-rules-of-their-own"
        ),
        pytest.param(
            bundle(OBSERVATION) | {"implicitRules": "http://a/rules"},
            Reason.UNSUPPORTED,
            0,
            id="a-bundle-under-rules-of-its-own",
        ),
        pytest.param(
            bundle()
            | {"entry": [{"resource": OBSERVATION, "modifierExtension": [{"url": "http://a/not", "valueCode": "x"}]}]},
            Reason.UNSUPPORTED,
            0,
            id="an-entry-turned-round-perhaps",
        ),
        *(
            pytest.param(
                bundle() | {"entry": [{"resource": OBSERVATION}, {"resource": other}]},
                *(Reason.NOT_FHIR, 0),
                id=f"a-resource-that-is-{named}",
            )
            for other, named in [("", "no-text"), ([OBSERVATION], "a-list"), (0, "a-number")]
        ),
        pytest.param(
            OBSERVATION
            | {
                "component": [
                    {
                        "code": {"text": "a"},
                        "valueString": "b",
                        "modifierExtension": [{"url": "http://a/not", "valueBoolean": True}],
                    }
                ]
            },
            Reason.UNSUPPORTED,
            1,
            id="turned-round-in-part",
        ),
        pytest.param(OBSERVATION | {"subject": {"reference": "urn:uuid:9"}}, Reason.NO_PATIENT, 0, id="unresolved"),
        pytest.param(
            OBSERVATION | {"subject": {"type": "Device", "identifier": MRN}}, Reason.NO_PATIENT, 0, id="a-device"
        ),
        pytest.param(
            OBSERVATION | {"subject": {"identifier": {"system": "urn:x|y", "value": "7"}}},
            *(Reason.NO_PATIENT, 0),
            id="a-system-and-a-value-that-would-be-another-patients",
        ),
        *(
            pytest.param(
                OBSERVATION | {"subject": {"reference": "#p", "identifier": MRN} | more, "contained": [held]},
                *(Reason.NO_PATIENT, 0),
                id=f"a-number-of-a-{held['resourceType']}-{held['id']}",
            )
            for held, more in [
                ({"resourceType": "Device", "id": "p"}, {}),
                ({"resourceType": "Device", "id": "q"}, {"type": "Device"}),
            ]
        ),
        pytest.param(
            OBSERVATION | {"subject": {"reference": "Group/g", "identifier": MRN}},
            *(Reason.NO_PATIENT, 0),
            id="a-number-of-a-group",
        ),
        pytest.param(
            bundle(OBSERVATION, OBSERVATION | {"subject": {"reference": "urn:uuid:9", "identifier": MRN}}),
            *(Reason.TWO_PATIENTS, 0),
            id="two-by-a-number-beside-a-reference",
        ),
        pytest.param(without(OBSERVATION, "effectiveDateTime"), Reason.NO_TIME, 1, id="no-time"),
        pytest.param(OBSERVATION | {"valueQuantity": quantity(1, "zork")}, Reason.UNKNOWN_UNIT, 1, id="unknown-unit"),
        pytest.param(OBSERVATION | {"valueQuantity": {"value": 13}}, Reason.UNKNOWN_UNIT, 1, id="no-unit"),
        pytest.param(OBSERVATION | {"valueInteger": 13}, Reason.UNKNOWN_UNIT, 1, id="an-integer-for-grams"),
        pytest.param(OBSERVATION | {"valueBoolean": True}, Reason.UNKNOWN_UNIT, 1, id="a-yes-for-grams"),
        pytest.param(
            OBSERVATION | {"code": coded("4548-4"), "valueInteger": 7},
            Reason.UNKNOWN_UNIT,
            1,
            id="an-integer-for-percent",
        ),
        pytest.param(OBSERVATION | {"status": "zork"}, Reason.NOT_FHIR, 1, id="unknown-status"),
        pytest.param({"resourceType": "RiskAssessment"}, Reason.UNSUPPORTED, 0, id="another-type"),
        pytest.param(bundle(), Reason.NOTHING_TO_READ, 0, id="empty-bundle"),
        pytest.param(bundle({}), Reason.NO_PATIENT, 0, id="an-empty-resource"),
        pytest.param(
            bundle(OBSERVATION, OBSERVATION | {"subject": {"reference": "Patient/p2"}}),
            Reason.TWO_PATIENTS,
            0,
            id="two",
        ),
        pytest.param(
            bundle(OBSERVATION, {"resourceType": "Encounter", "subject": {"reference": "Patient/p2"}}),
            Reason.TWO_PATIENTS,
            0,
            id="two-by-a-type-that-is-not-read",
        ),
        pytest.param(
            bundle(OBSERVATION, bundle(OBSERVATION | {"subject": {"reference": "Patient/p2"}})),
            Reason.TWO_PATIENTS,
            0,
            id="two-by-a-bundle-inside",
        ),
        pytest.param(
            bundle(PATIENT, OBSERVATION, bundle({"resourceType": "Patient", "identifier": [MRN]}, BY_ADDRESS)),
            Reason.TWO_PATIENTS,
            0,
            id="two-by-an-address-that-means-another-inside",
        ),
        *(
            pytest.param(content, *(Reason.TWO_PATIENTS, 0), id=named)
            for content, named in [
                (
                    OBSERVATION
                    | {"subject": {"reference": "#p", "identifier": MRN | {"value": "8"}}}
                    | {"contained": [{"resourceType": "Patient", "id": "p", "identifier": [MRN]}]},
                    "two-by-another-number-than-that-of-the-contained-patient",
                ),
                (
                    bundle(
                        PATIENT | {"identifier": [MRN]},
                        OBSERVATION | {"subject": {"reference": "Patient/p1", "identifier": MRN | {"value": "8"}}},
                    ),
                    "two-by-another-number-than-that-of-the-patient-beside",
                ),
                (
                    bundle()
                    | {"entry": [{"resource": PATIENT, "fullUrl": f"http://{host}/Patient/p1"} for host in ("a", "b")]},
                    "two-of-one-id-from-two-servers",
                ),
                *(
                    (
                        bundle()
                        | {
                            "entry": [
                                {"resource": PATIENT, "fullUrl": url},
                                {"resource": OBSERVATION | {"subject": {"reference": url}}},
                            ]
                        },
                        f"two-by-the-address-{url}",
                    )
                    for url in ("Patient/p2", "http://a/Patient/p2")
                ),
            ]
        ),
        *(
            pytest.param(OBSERVATION | {"subject": subject}, *(Reason.NO_PATIENT, 0), id=f"an-id-too-long-{named}")
            for subject, named in [
                ({"identifier": MRN | {"value": "7" * 257}}, "value"),
                ({"identifier": {"system": "urn:x" * 51, "value": "7"}}, "system"),
                ({"reference": f"http://{'a' * 250}/Patient/p1"}, "address"),
            ]
        ),
        pytest.param(
            OBSERVATION | {"contained": [{"resourceType": "Specimen", "subject": {"reference": "Patient/p2"}}]},
            Reason.TWO_PATIENTS,
            0,
            id="two-by-a-specimen-inside",
        ),
        pytest.param(
            OBSERVATION | {"focus": [{"reference": "Patient/donor"}]}, Reason.TWO_PATIENTS, 0, id="a-donors-value"
        ),
        pytest.param(
            OBSERVATION | {"focus": [{"reference": "RelatedPerson/child"}]}, Reason.UNSUPPORTED, 1, id="of-a-child"
        ),
        pytest.param(
            R5_PROCEDURE | {"focus": {"reference": "Patient/donor"}}, Reason.TWO_PATIENTS, 0, id="done-to-a-donor"
        ),
        pytest.param(
            R5_PROCEDURE | {"focus": {"reference": "RelatedPerson/child"}}, Reason.UNSUPPORTED, 1, id="done-to-a-child"
        ),
    ],
)
def test_a_refusal_has_its_reason_and_what_is_unreadable(content: Any, reason: Reason, kept: int) -> None:
    refused = refusal(content)
    assert refused.reason is reason
    assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE] * kept
