import hashlib
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from agents.exits import AskedWrongly
from agents.path_events import Asked, messages_of
from model.cohorts.synthetic import write_synthetic
from schemas.events import ImagingEvent, SequencingEvent

PATIENT = {"resourceType": "Patient", "id": "p-1"}


def write_slice(path: Path, series: str, number: int, patient: str = "p-9", **odd: object) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    header = Dataset()
    header.file_meta = meta
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    header.PatientID, header.StudyInstanceUID, header.SeriesInstanceUID = patient, "1.2", series
    header.Modality, header.InstanceNumber = "CT", number
    header.StudyDate, header.StudyTime, header.TimezoneOffsetFromUTC = "20260301", "101500", "+0100"
    header.Rows = header.Columns = 2
    header.update(odd)
    header.PixelData = np.zeros((2, 2), np.uint16).tobytes()
    header["PixelData"].VR = "OW"
    header.save_as(path, enforce_file_format=True)


def test_a_cohort_folder_is_sent_line_by_line_with_absolute_files(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=4, seed=1)
    messages = list(messages_of([tmp_path / "cohort"], Asked()))
    lines = (tmp_path / "cohort" / "events.ndjson").read_text().splitlines()
    assert [message.topic for message in messages] == [json.loads(line)["topic"] for line in lines]
    urls = [file["url"] for message in messages for file in json.loads(message.value or b"{}").get("files", ())]
    assert urls
    assert all(url.startswith(tmp_path.as_uri()) for url in urls)


@pytest.mark.parametrize(
    ("resource", "topic"),
    [
        (PATIENT, "fhir.observations"),
        ({"resourceType": "Bundle", "type": "collection"}, "fhir.observations"),
        ({"resourceType": "ImagingStudy"}, "imaging.events"),
        ({"resourceType": "MolecularSequence"}, "sequencing.events"),
    ],
)
def test_fhir_goes_as_it_stands_to_the_topic_of_its_type(tmp_path: Path, resource: object, topic: str) -> None:
    (tmp_path / "one.json").write_text(json.dumps(resource, indent=1))
    (message,) = messages_of([tmp_path / "one.json"], Asked())
    assert (message.topic, message.value) == (topic, (tmp_path / "one.json").read_bytes())


@pytest.mark.parametrize("line", [PATIENT, {"topic": "fhir.observations", "value": PATIENT}], ids=["bulk", "records"])
def test_ndjson_is_a_message_a_line_and_blank_lines_are_passed_over(tmp_path: Path, line: object) -> None:
    (tmp_path / "some.ndjson").write_text(f"\n \r\n{json.dumps(line)}\n\n{json.dumps(line)}\n\n")
    messages = list(messages_of([tmp_path / "some.ndjson"], Asked()))
    assert [json.loads(message.value or b"") for message in messages] == [PATIENT] * 2
    assert [message.topic for message in messages] == ["fhir.observations"] * 2


def test_dicom_files_of_a_series_are_one_event_in_their_order(tmp_path: Path) -> None:
    for name, series, number in (("b", "1.2.3", 1), ("a", "1.2.3", 2), ("c", "1.2.4", 1)):
        write_slice(tmp_path / f"{name}.dcm", series, number)
    messages = list(messages_of([tmp_path], Asked()))
    events = [ImagingEvent.model_validate_json(message.value or b"") for message in messages]
    assert [(event.patient, event.series, event.kind, len(event.files)) for event in events] == [
        ("p-9", "1.2.3", "CT", 2),
        ("p-9", "1.2.4", "CT", 1),
    ]
    assert events[0].occurred_at.isoformat() == "2026-03-01T09:15:00+00:00"
    first = events[0].files[0]
    assert first.url == (tmp_path / "b.dcm").as_uri()
    assert first.sha256 == hashlib.sha256((tmp_path / "b.dcm").read_bytes()).hexdigest()


def test_one_series_of_two_patients_is_refused(tmp_path: Path) -> None:
    write_slice(tmp_path / "a.dcm", "1.2.3", 1, patient="p-1")
    write_slice(tmp_path / "b.dcm", "1.2.3", 2, patient="p-2")
    with pytest.raises(AskedWrongly, match="two patients"):
        list(messages_of([tmp_path], Asked()))


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        pytest.param({"InstanceNumber": [1, 2]}, "not readable as DICOM", id="two-numbers"),
        pytest.param({"Modality": ["CT", "MR"]}, "kind does not fit an event", id="two-kinds"),
        pytest.param({"PatientID": "Jane Doe" * 40}, "patient does not fit an event", id="a-long-patient"),
    ],
)
def test_a_header_that_fits_no_event_is_refused_without_quoting_it(
    tmp_path: Path, odd: dict[str, object], says: str
) -> None:
    """It ended the command as a bug does, with what it had read on the screen."""
    write_slice(tmp_path / "a.dcm", "1.2.3", 1, **odd)
    with pytest.raises(AskedWrongly, match=says) as refused:
        list(messages_of([tmp_path / "a.dcm"], Asked()))
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param({"StudyTime": "101530.25"}, "2026-03-01T09:15:30Z", id="to-the-second"),
        pytest.param({"StudyTime": "1015"}, "2026-03-01T09:15:00Z", id="to-the-minute"),
        pytest.param({"StudyDate": "20261211", "StudyTime": "10"}, "2026-12-11T09:00:00Z", id="to-the-hour"),
        pytest.param({"AcquisitionDateTime": "20260302101500.5-0500"}, "2026-03-02T15:15:00Z", id="its-own-offset"),
        pytest.param({"AcquisitionDateTime": "20260302"}, "2026-03-01T09:15:00Z", id="a-day-alone-is-no-time"),
    ],
)
def test_a_series_is_of_the_time_in_its_header(tmp_path: Path, times: dict[str, str], expected: str) -> None:
    write_slice(tmp_path / "a.dcm", "1.2.3", 1, **times)
    (message,) = messages_of([tmp_path / "a.dcm"], Asked())
    assert json.loads(message.value or b"{}")["occurred_at"] == expected


def test_spaces_around_an_id_are_not_of_it(tmp_path: Path) -> None:
    """A patient sent with and without them was two."""
    write_slice(tmp_path / "a.dcm", "1.2.3", 1, PatientID="  p-9 ")
    (message,) = messages_of([tmp_path / "a.dcm"], Asked())
    assert (message.key, json.loads(message.value or b"{}")["patient"]) == (b"p-9", "p-9")


def test_a_value_in_doubt_is_not_quoted_in_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    write_slice(tmp_path / "a.dcm", "1.2.3", 1)
    whole = (tmp_path / "a.dcm").read_bytes()
    assert whole.count(b"UI\4\0001.2\0") == 1
    (tmp_path / "a.dcm").write_bytes(whole.replace(b"UI\4\0001.2\0", b"UI\4\0Jane"))
    recwarn.clear()
    assert len(list(messages_of([tmp_path / "a.dcm"], Asked()))) == 1
    assert [str(warning.message) for warning in recwarn] == []


def test_a_time_before_all_time_is_none(tmp_path: Path) -> None:
    write_slice(tmp_path / "a.dcm", "1.2.3", 1, StudyDate="00010101", StudyTime="000000", TimezoneOffsetFromUTC="+1400")
    (message,) = messages_of([tmp_path / "a.dcm"], Asked())
    assert message.timestamp.timestamp() == pytest.approx((tmp_path / "a.dcm").stat().st_mtime)


def test_a_specimen_that_fits_no_event_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.vcf").write_bytes(b"content")
    with pytest.raises(AskedWrongly, match="specimen does not fit an event"):
        list(messages_of([tmp_path / "s.vcf"], Asked("p-1", "s" * 300)))


def test_a_vcf_is_a_sequencing_event_of_the_patient_and_specimen_given(tmp_path: Path) -> None:
    path = tmp_path / "s.vcf.gz"
    path.write_bytes(b"content")
    (message,) = messages_of([path], Asked("p-1", "s-1", "wes"))
    event = SequencingEvent.model_validate_json(message.value or b"")
    assert (event.patient, event.specimen, event.assay, message.key) == ("p-1", "s-1", "wes", b"p-1")
    assert (event.files[0].media_type, event.files[0].bytes) == ("text/x-vcf", 7)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("s.vcf", b"", "--patient and --specimen"),
        ("x.json", b"{}", "resourceType"),
        ("x.json", b"{", "not UTF-8 JSON"),
        ("x.json", b'{"specimen": "s", "patient": "p-1", "patient": "p-2"}', "each key once"),
        ("x.txt", b"hello", "wanted a cohort folder, .*, .vcf, .maf, .fasta or .fastq"),
        ("x.ndjson", b'{"topic":"oncology.evidence","value":{}}', "another topic"),
    ],
)
def test_what_cannot_be_sent_is_said_with_the_remedy(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AskedWrongly, match=says):
        list(messages_of([tmp_path / name], Asked()))


@pytest.mark.parametrize("name", ["s\udcff.vcf", "s\udcff.dcm"])
def test_a_file_whose_name_no_url_can_say_is_refused(tmp_path: Path, name: str) -> None:
    """Its event was sent, and the worker found no such file."""
    write_slice(tmp_path / name, "1.2.3", 1)
    with pytest.raises(AskedWrongly, match="is not UTF-8; rename"):
        list(messages_of([tmp_path], Asked("p-1", "s-1")))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    with subprocess.Popen(("sh", "-c", f"echo > {tmp_path / 'x.json'}")) as writer:  # else who reads would wait forever
        try:
            with pytest.raises(AskedWrongly, match=r"x\.json: a pipe; wanted a file or a folder"):
                list(messages_of([tmp_path / "x.json"], Asked()))
        finally:
            writer.kill()


def test_a_device_is_no_file_of_an_assay(tmp_path: Path) -> None:
    (tmp_path / "s.vcf").symlink_to("/dev/zero")
    with pytest.raises(AskedWrongly, match=r"s\.vcf: a device; wanted a file or a folder"):
        list(messages_of([tmp_path / "s.vcf"], Asked()))
