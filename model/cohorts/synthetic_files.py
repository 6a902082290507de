"""CT series of synthetic patients: 3 to 5 slices of 64 x 64, a lesion whose size, density and texture tell."""

import io
import uuid
from datetime import datetime, timedelta
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from model.cohorts.folder import IMAGING_TOPIC
from model.cohorts.resources import instant
from model.cohorts.synthetic_event import START, Sent, SyntheticFile
from model.cohorts.synthetic_patients import SyntheticPatient, patient_generator
from schemas.canonical import derived_id

SIDE = 64
_AIR, _LUNG, _BODY = -1000.0, -820.0, 40.0
_INTERCEPT = -1024
_ACROSS = np.hypot(*np.meshgrid(np.arange(SIDE) - SIDE / 2 + 0.5, np.arange(SIDE) - SIDE / 2 + 0.5))  # (64, 64)


def imaging_events(patient: SyntheticPatient, seed: int) -> list[Sent]:
    """The CT of this patient, zipped or slice by slice; of a few, sent again as corrected."""
    rng = patient_generator(seed, patient.id, "imaging")
    at = START + timedelta(days=patient.day + int(rng.integers(0, 10)), hours=11)
    slices = _slices(patient, seed, rng)
    files = _zipped(patient, slices) if rng.random() < 0.5 else _apart(patient, slices)
    value = _event(patient, seed, "available", at)
    sent = [Sent(IMAGING_TOPIC, value, at, (None, value["series"], patient.id)[int(rng.integers(3))], files)]
    if rng.random() < 0.05:
        later = at + timedelta(days=2)
        sent.append(Sent(IMAGING_TOPIC, _event(patient, seed, "corrected", later), later, patient.id, files))
    return sent


def _event(patient: SyntheticPatient, seed: int, status: str, at: datetime) -> dict[str, Any]:
    return {
        "id": derived_id("synthetic", str(seed), patient.id, "ct", status),
        "patient": patient.id,
        "occurred_at": instant(at),
        "status": status,
        "study": _uid(seed, patient.id, "study"),
        "series": _uid(seed, patient.id, "series"),
        "kind": "CT",
        "body_site": "http://snomed.info/sct|39607008",
    }


def _zipped(patient: SyntheticPatient, slices: list[bytes]) -> tuple[SyntheticFile, ...]:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        for number, content in enumerate(slices, start=1):
            archive.writestr(ZipInfo(f"{number}.dcm"), content, ZIP_DEFLATED)  # ZipInfo is dated 1980
    return (SyntheticFile(f"ct/{patient.id}.zip", packed.getvalue(), "application/zip"),)


def _apart(patient: SyntheticPatient, slices: list[bytes]) -> tuple[SyntheticFile, ...]:
    return tuple(
        SyntheticFile(f"ct/{patient.id}/{number}.dcm", content, "application/dicom")
        for number, content in enumerate(slices, start=1)
    )


def _slices(patient: SyntheticPatient, seed: int, rng: np.random.Generator) -> list[bytes]:
    centre = rng.uniform(-8, 8, size=2)
    count = int(rng.integers(3, 6))
    return [
        _dicom(patient, seed, number, _hounsfield(patient, centre, number - count // 2, rng)) for number in range(count)
    ]


def _hounsfield(
    patient: SyntheticPatient, centre: NDArray[np.float64], off: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A slice (64, 64) in Hounsfield units, `off` slices from the middle of the lesion.

    The factor raises the density and roughens the lesion, severity makes it larger.
    """
    x, y = np.meshgrid(np.arange(SIDE) - SIDE / 2 + 0.5 - centre[0], np.arange(SIDE) - SIDE / 2 + 0.5 - centre[1])
    radius = np.clip(8 + 2 * patient.severity, 3, 14) * (1 - 0.15 * abs(off))
    lesion = np.hypot(x, y) < radius
    roughness = 20 + 160 / (1 + np.exp(-2 * patient.imaging))
    density = 40 * patient.imaging + roughness * rng.normal(size=(SIDE, SIDE))
    image = np.select([lesion, _ACROSS < 25, _ACROSS < 30], [density, np.full_like(density, _LUNG), _BODY], _AIR)
    return np.asarray(image + 25 * rng.normal(size=(SIDE, SIDE)))


def _dicom(patient: SyntheticPatient, seed: int, number: int, hounsfield: NDArray[np.float64]) -> bytes:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = CTImageStorage
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(_uid(seed, patient.id, str(number)))
    image.PatientID, image.PatientName, image.Modality = patient.id, "", "CT"
    image.StudyInstanceUID, image.SeriesInstanceUID = _uid(seed, patient.id, "study"), _uid(seed, patient.id, "series")
    image.InstanceNumber, image.SliceThickness, image.PixelSpacing = number + 1, "5", ["5", "5"]
    image.ImagePositionPatient = ["0", "0", str(5 * number)]
    image.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    image.Rows = image.Columns = SIDE
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = str(_INTERCEPT), "1", "HU"
    image.PixelData = np.clip(np.rint(hounsfield) - _INTERCEPT, 0, 4095).astype("<u2").tobytes()
    written = io.BytesIO()
    dcmwrite(written, image, enforce_file_format=True)
    return written.getvalue()


def _uid(seed: int, *parts: str) -> str:
    """A DICOM UID made of a UUIDv5 of the parts (arc 2.25)."""
    return f"2.25.{uuid.UUID(derived_id('synthetic', str(seed), *parts)).int}"
