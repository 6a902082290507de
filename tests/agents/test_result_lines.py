from datetime import UTC, datetime

import pytest

from agents.result_lines import line_of
from schemas.evidence import Modality
from schemas.picture import Absence
from schemas.request import Cause, History, Status
from schemas.result import Content, Diagnosis, Doubt, Provenance, Result, Survival, result_of

DIAGNOSIS = Diagnosis(
    probabilities={"luad": 0.914, "lusc": 0.086}, conformal_set=("luad", "lusc"), alpha=0.1, threshold=0.85
)
CURVE = Survival(
    edges_days=(365.0,), survival=(0.7,), risk={"1y": 0.3}, median_days=None, median_interval_days=(None, None)
)
DOUBT = Doubt(total=0.293, data=0.2, imputation=0.05, model=0.04, shots=0.0, hardware=0.0)
PROVENANCE = Provenance(
    model="m@1", weights_sha256="w", settings_sha256="s", intended_use="tests", quantum_backend="exact",
    quantum_reason="configured",
)  # fmt: skip


def result(status: Status, cause: Cause, **said: object) -> Result:
    content = Content.model_validate(
        {
            "id": "i",
            "patient": "p-1",
            "asked_at": datetime(2026, 3, 1, tzinfo=UTC),
            "evidence": (),
            "imputed": (),
            "missing": {},
            "provenance": PROVENANCE,
            **said,
        }
    )
    return result_of(content, History(revision=3, status=status, cause=cause))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            result(
                Status.FINAL,
                Cause.NEW_EVIDENCE,
                diagnosis=DIAGNOSIS,
                prognosis={"OS": CURVE},
                doubt=DOUBT,
                imputed=(Modality.GENOMIC,),
                missing={Modality.GENOMIC: Absence.NEVER_SEEN},
            ),
            "p-1  final r3 (new-evidence)  luad 0.91 {luad, lusc}  OS 1y risk 0.30, median not reached in 365 d  "
            "doubt 0.29 nats  imputed genomic  missing genomic (never-seen)",
            id="all-of-it",
        ),
        pytest.param(
            result(Status.PRELIMINARY, Cause.DEADLINE, diagnosis=DIAGNOSIS, abstained="low-confidence"),
            "p-1  preliminary r3 (deadline)  abstains (low-confidence; luad 0.91) {luad, lusc}",
            id="abstains-and-says-of-what",
        ),
        pytest.param(
            result(Status.WITHDRAWN, Cause.WITHDRAWAL, abstained="no-evidence", review=("imaging|s unreadable",)),
            "p-1  withdrawn r3 (withdrawal)  abstains: no-evidence  review 1",
            id="nothing-left",
        ),
        pytest.param(
            result(Status.FINAL, Cause.QUORUM, prognosis={"OS": CURVE.model_copy(update={"median_days": 811.6})}),
            "p-1  final r3 (quorum)  OS 1y risk 0.30, median 812 d",
            id="no-diagnosis-task",
        ),
    ],
)
def test_a_result_is_one_line_that_says_what_matters(given: Result, expected: str) -> None:
    assert line_of(given) == expected


def test_a_later_revision_says_how_the_response_moved_since_an_earlier_one() -> None:
    first, later = (
        result(Status.AMENDED, Cause.NEW_EVIDENCE, treatment={"platinum": chance, "tki": 0.3, "other": tki})
        for chance, tki in ((0.41, 0.5), (0.47, 0.502))
    )
    assert line_of(later, first).endswith("predicted response since r3: platinum +0.06")
    assert "response" not in line_of(later)
    assert "response" not in line_of(first, first)


def test_no_chance_is_told_as_certain() -> None:
    sure = DIAGNOSIS.model_copy(update={"probabilities": {"luad": 0.9961, "lusc": 0.0039}})
    low = CURVE.model_copy(update={"risk": {"3y": 0.0049}})
    line = line_of(result(Status.FINAL, Cause.QUORUM, diagnosis=sure, prognosis={"OS": low}))
    assert "luad >0.99 {" in line
    assert "3y risk <0.01," in line
