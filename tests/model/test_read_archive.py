"""ZIP archives of DICOM files: the order in which they are read, and what is not read at all."""

import zlib
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from model.readers.archive import ZipLimits, read_archive
from model.readers.dicom_header import DicomLimits
from schemas.errors import Reason, Refused


def dicom(number: int) -> bytes:
    """A DICOM file without pixels, at its place in the series."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    data.InstanceNumber = str(number)
    target = BytesIO()
    pydicom.dcmwrite(target, data, enforce_file_format=True)
    return target.getvalue()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def test_an_archive_is_read_in_the_order_of_its_instances(tmp_path: Path) -> None:
    slices = {number: dicom(number) for number in (2, 1, 3)}
    members = {"../../2.dcm": slices[2], "z": slices[1], "/3": slices[3], "note.txt": b"seen"}
    members |= dict.fromkeys(("DICOMDIR", "cd/dicomdir", "cd\\DICOMDIR"), slices[1])
    read = read_archive(archive(tmp_path / "a.zip", members), ZipLimits(), DicomLimits())
    assert [facts.instance for _, facts in read] == [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    ("limits", "content", "reason"),
    [
        pytest.param(ZipLimits(ratio=50), b"\0" * 10**6, Reason.TOO_LARGE, id="ratio"),
        pytest.param(ZipLimits(total_bytes=10), zlib.compress(b"x" * 99), Reason.TOO_LARGE, id="total"),
        pytest.param(ZipLimits(members=0), b"x", Reason.TOO_LARGE, id="members"),
        pytest.param(ZipLimits(), b"\0" * 128 + b"DICM", Reason.UNREADABLE_FILE, id="member-broken"),
    ],
)
def test_an_archive_is_refused(tmp_path: Path, limits: ZipLimits, content: bytes, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        list(read_archive(archive(tmp_path / "a.zip", {"a": content}), limits, DicomLimits()))
    assert refused.value.reason == reason


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "a.zip"
    broken.write_bytes(b"PK\x03\x04 not an archive")
    with pytest.raises(Refused, match="unreadable-file"):
        list(read_archive(broken, ZipLimits(), DicomLimits()))


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a": dicom(1)})
    whole = path.read_bytes()
    name = whole.rindex(b"PK\x01\x02") + 46  # in the central directory; a name ends at its first NUL
    path.write_bytes(whole[:name] + b"\0" + whole[name + 1 :])
    with pytest.raises(Refused):
        list(read_archive(path, ZipLimits(), DicomLimits()))
