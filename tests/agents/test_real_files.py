"""Every real file beside the project ends in evidence or in a dead letter, through the running roles."""

import asyncio
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from schemas.evidence import Evidence
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.reading import read_to_end
from streams.topics import create_topics, named

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real data are not at ../shared/data beside the project"),
]
WAIT_SECONDS = 120
FHIR = {
    f"{release}-{name}.json": outcome
    for release in ("r4b", "r5")  # the r5 twins are the same bytes, and valid R4B
    for name, outcome in {
        "diagnosticreport-example": "no-time",  # its Observations have none; the report's is not theirs
        "documentreference-example": "evidence",
        "medicationadministration0301": "evidence",
        "medicationstatementexample1": "evidence",
        "observation-decimal": "no-patient",
        "observation-example": "evidence",
        "riskassessment-example": "unsupported",
    }.items()
}
"""What each real FHIR file must end in."""


def events() -> list[tuple[str, str, bytes]]:
    """(file, topic, value): each DICOM and VCF file as an event of its own patient, each FHIR file as it is."""
    dicom = [
        (
            path.name,
            "imaging.events",
            _event(path, "application/dicom", {"study": path.stem, "series": path.stem, "kind": "CT"}),
        )
        for path in sorted((DATA / "dicom").glob("*.dcm"))
    ]
    vcf = [
        (
            f"{path.parent.name}/{path.name}",
            "sequencing.events",
            _event(path, "text/x-vcf", {"specimen": path.stem, "assay": "panel"}),
        )
        for path in sorted((DATA / "vcf").rglob("*.vcf"))
    ]
    fhir = [(path.name, "fhir.observations", path.read_bytes()) for path in sorted((DATA / "fhir").glob("*.json"))]
    return [*dicom, *vcf, *fhir]


def _event(path: Path, media_type: str, fields: dict[str, str]) -> bytes:
    content = path.read_bytes()
    file = {
        "url": path.resolve().as_uri(),
        "media_type": media_type,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    event = {"id": path.name, "patient": f"real-{path.name}", "occurred_at": "2026-03-01T09:00:00Z", "files": [file]}
    return json.dumps(event | fields).encode()


async def lay_topics(installation: Any) -> None:
    places, kafka = installation.settings.places, installation.settings.kafka
    topics = named(kafka.prefix)
    async with opened(admin(places.kafka, kafka)) as client:
        await create_topics(client, topics, kafka.partitions, 1)


async def outcomes(installation: Any) -> dict[str, str]:
    """File -> `evidence`, or the reason of its dead letter, once every file has one."""
    places, kafka = installation.settings.places, installation.settings.kafka
    topics = named(kafka.prefix)
    origins: dict[tuple[str, int, int], str] = {}
    async with opened(writer(places.kafka, kafka)) as producer:
        for name, topic, value in events():
            sent = await producer.send_and_wait(f"{kafka.prefix}{topic}", value)
            origins[(sent.topic, sent.partition, sent.offset)] = name
    found: dict[str, str] = {}
    async with asyncio.timeout(WAIT_SECONDS):
        while len(found) < len(origins):
            async with opened(reader(places.kafka, kafka)) as consumer:
                async for message in read_to_end(consumer, topics.evidence, range(4)):
                    piece = Evidence.model_validate_json(message.value or b"")
                    origin = (piece.origin.topic, piece.origin.partition, piece.origin.offset)
                    found.setdefault(origins[origin], "evidence") if piece.status == "current" else None
                async for message in read_to_end(consumer, topics.dead_letters, range(4)):
                    letter = DeadLetter.from_headers(message.headers)
                    found[origins[(letter.topic, letter.partition, letter.offset)]] = letter.reason.value
    return found


@pytest.fixture
def found(fresh_settings: Any, tmp_path: Path) -> dict[str, str]:
    env = {**fresh_settings.env, "ONCOSTREAM_FILES_ALLOW": str(DATA.resolve())}
    roles = [word for role in ("clinical", "imaging", "genomic") for word in ("--role", role)]
    script = str(Path(sys.executable).with_name("oncostream"))

    asyncio.run(lay_topics(fresh_settings))
    with (
        (tmp_path / "worker.log").open("wb") as log,
        subprocess.Popen([script, "run", *roles], env=env, stderr=log) as worker,
    ):
        try:
            return asyncio.run(outcomes(fresh_settings))
        finally:
            worker.terminate()


def test_every_real_file_ends_in_evidence_or_with_the_right_reason(found: dict[str, Any]) -> None:
    tolerated = (Path(__file__).parents[2] / "docs" / "evidence" / "vcf-tolerated.md").read_text()
    wrong = []
    for name, outcome in found.items():
        if name.startswith("passed/") or name.endswith(".dcm"):
            expected = {"evidence"}
        elif name.startswith("failed/"):
            expected = {"evidence"} if Path(name).name in tolerated else {"unreadable-file"}
        else:
            expected = {FHIR[name]}
        if outcome not in expected:
            wrong.append((name, outcome))
    assert wrong == []
    assert len(found) == len(events())
