"""Real DICOM files of every transfer syntax, against pydicom's own decoders and pictures worked out by hand."""

import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit

from model.readers.dicom import read_frames
from model.readers.dicom_header import DicomFacts, DicomLimits, read_facts
from model.readers.pixels import Tile, to_tile, windowed
from schemas.errors import Reason, Refused

DICOM = Path(__file__).parents[3] / "shared" / "data" / "dicom"
LIMITS = DicomLimits()
SIZE = 64

needs_data = pytest.mark.skipif(not DICOM.is_dir(), reason="real data lie beside the project, and are absent")


def frames(source: Path | BytesIO) -> list[Tile]:
    return list(read_frames(source, SIZE, LIMITS))


def image(pixels: NDArray[np.generic], **fields: object) -> BytesIO:
    """An uncompressed DICOM file of (H, W) or (F, H, W) unsigned pixels, written by pydicom."""
    data, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = meta.MediaStorageSOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.7")
    data.file_meta = meta
    data.Rows, data.Columns = pixels.shape[-2:]
    data.NumberOfFrames = 1 if pixels.ndim == 2 else len(pixels)
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated = data.BitsStored = pixels.dtype.itemsize * 8
    data.HighBit = data.BitsStored - 1
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    for name, value in fields.items():
        setattr(data, name, value)
    target = BytesIO()
    pydicom.dcmwrite(target, data, enforce_file_format=True)
    return target


@needs_data
@pytest.mark.parametrize(
    ("name", "count", "coloured"),
    [
        ("693_J2KR.dcm", 1, False),
        ("HTJ2K_08_RGB.dcm", 1, True),
        ("JLSL_16_15_1_1F.dcm", 1, False),
        ("JPEG-LL.dcm", 1, False),
        ("MR2_J2KI.dcm", 1, False),
        ("OBXXXX1A_rle_2frame.dcm", 2, True),
        ("RG3_J2KI.dcm", 1, False),
        ("bad_sequence.dcm", 1, False),
        ("color-pl.dcm", 1, True),
        ("emri_small_RLE.dcm", 10, False),
        ("emri_small_jpeg_2k_lossless_too_short.dcm", 10, False),
        ("explicit_VR-UN.dcm", 1, False),
        ("liver.dcm", 3, False),
        ("liver_deflate.dcm", 3, False),
    ],
)
def test_every_real_file_gives_its_frames(name: str, count: int, coloured: bool) -> None:
    tiles = frames(DICOM / name)
    assert [tile.shape for tile in tiles] == [(3, SIZE, SIZE)] * count
    for tile in tiles:
        assert tile.dtype == np.float32
        assert 0 <= tile.min() < tile.max() <= 1
        assert np.array_equal(tile[0], tile[1]) != coloured


@needs_data
@pytest.mark.parametrize("name", ["693_J2KR.dcm", "JLSL_16_15_1_1F.dcm", "MR2_J2KI.dcm", "RG3_J2KI.dcm"])
def test_grey_pixels_are_those_that_pydicom_decodes(name: str) -> None:
    data = pydicom.dcmread(DICOM / name)
    raw = data.pixel_array
    padding = data.get("PixelPaddingValue")
    stretched = windowed(raw.astype(np.float32), None if padding is None else raw != padding)
    inverted = data.PhotometricInterpretation == "MONOCHROME1"
    np.testing.assert_allclose(
        frames(DICOM / name)[0], to_tile(1 - stretched if inverted else stretched, SIZE), atol=1e-5
    )


@needs_data
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("liver.dcm", "liver_deflate.dcm"),
        ("emri_small_RLE.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"),
    ],
)
def test_one_picture_under_two_syntaxes_reads_the_same(one: str, other: str) -> None:
    assert np.array_equal(frames(DICOM / one), frames(DICOM / other))


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_app14_dcmd.dcm",
        "SC_jpeg_no_color_transform.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "examples_ybr_color.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_colours_are_those_of_pillow(name: str) -> None:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip("not among the files that pydicom brings")
    data = pydicom.dcmread(str(path))
    plugin = "pillow" if "1.2.4.50" in data.file_meta.TransferSyntaxUID else ""
    first = next(iter_pixels(data, decoding_plugin=plugin)).astype(np.float32) / np.float32(255)
    np.testing.assert_allclose(frames(Path(str(path)))[0], to_tile(first, SIZE), atol=3 / 255)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("rtstruct.dcm", Reason.UNREADABLE_FILE, id="no-pixels"),
        pytest.param("MR_truncated.dcm", Reason.UNREADABLE_FILE, id="truncated"),
        pytest.param("README.txt", Reason.UNREADABLE_FILE, id="no-dicom"),
    ],
)
def test_what_is_no_whole_picture_is_refused(name: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        frames(Path(str(get_testdata_file(name, download=False))))
    assert refused.value.reason == reason


@needs_data
@pytest.mark.parametrize("name", ["JPEG-LL.dcm", "MR2_J2KI.dcm", "JLSL_16_15_1_1F.dcm", "OBXXXX1A_rle_2frame.dcm"])
def test_a_file_cut_anywhere_is_read_or_refused_and_nothing_else(name: str) -> None:
    whole = (DICOM / name).read_bytes()
    for part in (0, 100, 140, 400, len(whole) // 3, len(whole) * 2 // 3, len(whole) - 2000):
        with suppress(Refused):
            frames(BytesIO(whole[:part]))
    with pytest.raises(Refused, match="unreadable-file"):
        frames(BytesIO(whole[: len(whole) // 3]))


def test_monochrome1_is_inverted_and_a_negative_slope_inverts() -> None:
    ramp = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE)
    plain = frames(image(ramp))[0]
    assert plain[0, 0, 0] == 0
    assert plain[0, -1, -1] == 1
    np.testing.assert_allclose(frames(image(ramp, PhotometricInterpretation="MONOCHROME1"))[0], 1 - plain, atol=1e-6)
    np.testing.assert_allclose(frames(image(ramp, RescaleSlope="-2", RescaleIntercept="5"))[0], 1 - plain, atol=1e-6)
    np.testing.assert_allclose(frames(image(ramp, RescaleSlope="2", RescaleIntercept="5"))[0], plain, atol=1e-6)


def test_a_palette_written_in_segments_is_that_written_in_full() -> None:
    pixels = np.arange(SIZE * SIZE, dtype=np.uint8).reshape(SIZE, SIZE)
    full = np.arange(256, dtype=np.uint16) * 257
    a_point_then_a_line = np.array([0, 1, 0, 1, 255, 65535], np.uint16)
    colours = ("Red", "Green", "Blue")
    descriptors = {f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16] for colour in colours}
    one = {f"{colour}PaletteColorLookupTableData": full.tobytes() for colour in colours}
    other = {f"Segmented{colour}PaletteColorLookupTableData": a_point_then_a_line.tobytes() for colour in colours}
    shown = frames(image(pixels, PhotometricInterpretation="PALETTE COLOR", **descriptors, **one))
    assert np.array_equal(
        frames(image(pixels, PhotometricInterpretation="PALETTE COLOR", **descriptors, **other)), shown
    )


@pytest.mark.parametrize(
    "rescale",
    [
        pytest.param({"RescaleSlope": "0", "RescaleIntercept": "0"}, id="zero"),
        pytest.param({"RescaleSlope": "", "RescaleIntercept": ""}, id="blank"),
        pytest.param({"RescaleSlope": "1", "RescaleIntercept": ""}, id="no-intercept"),
    ],
)
def test_a_rescale_that_says_nothing_leaves_the_picture(rescale: dict[str, str]) -> None:
    pixels = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE)
    assert np.array_equal(frames(image(pixels, **rescale)), frames(image(pixels)))


@pytest.mark.parametrize(("value", "limit"), [(0, 500), (500, 0), (0, None)])
def test_padding_does_not_stretch_the_window(value: int, limit: int | None) -> None:
    ramp = np.arange(1000, 1000 + SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE)
    ramp[:8] = 0
    if limit is not None:
        ramp[:4] = 400
    fields = {"PixelPaddingValue": value} | ({} if limit is None else {"PixelPaddingRangeLimit": limit})
    expected = windowed(ramp.astype(np.float32), ramp > 500)
    np.testing.assert_allclose(frames(image(ramp, **fields))[0][0], expected, atol=1e-6)


def test_a_number_of_the_wrong_length_is_refused() -> None:
    rows = b"\x28\x00\x10\x00US\x02\x00"
    whole = image(np.zeros((4, 4), np.uint8)).getvalue()
    assert rows in whole
    with pytest.raises(Refused, match="unreadable-file"):
        frames(BytesIO(whole.replace(rows, rows[:-2] + b"\x03\x00\x00")))


@pytest.mark.parametrize(
    "fields",
    [{"Rows": 60_000, "Columns": 60_000}, {"NumberOfFrames": 1_000_000}],
    ids=["large-frame", "many-frames"],
)
def test_what_would_not_fit_is_refused_before_it_is_decoded(fields: dict[str, int]) -> None:
    with pytest.raises(Refused, match="too-large"):
        frames(image(np.zeros((4, 4), np.uint8), **fields))


def test_a_deflated_bomb_is_refused() -> None:
    plain = image(np.zeros((64, 64), np.uint8)).getvalue()
    data = pydicom.dcmread(BytesIO(plain))
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    target = BytesIO()
    pydicom.dcmwrite(target, data, enforce_file_format=True)
    assert len(frames(target)) == 1
    with pytest.raises(Refused, match="too-large"):
        list(read_frames(target, SIZE, DicomLimits(inflated_bytes=1000)))


def hostile(fragments: int, fragment: bytes, *, lengths: tuple[int, ...] = ()) -> BytesIO:
    """A JPEG of 8 × 8 pixels that claims to be made of all these fragments."""
    data = pydicom.dcmread(BytesIO(image(np.zeros((8, 8), np.uint8)).getvalue()))
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    if lengths:
        data.ExtendedOffsetTable = struct.pack("<Q", 0)
        data.ExtendedOffsetTableLengths = struct.pack("<Q", *lengths)
    one = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(fragment)) + fragment
    data.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" + fragments * one + b"\xfe\xff\xdd\xe0\0\0\0\0"
    data["PixelData"].is_undefined_length = True
    target = BytesIO()
    pydicom.dcmwrite(target, data, enforce_file_format=True)
    return target


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(hostile(32, bytes(2**20)), id="many-fragments"),
        pytest.param(hostile(1, bytes(2**25)), id="one-fragment"),
        pytest.param(hostile(32, bytes(2**20), lengths=(2**40,)), id="an-offset-table-that-lies"),
        pytest.param(
            image(np.zeros((8, 8), np.uint8), RedPaletteColorLookupTableData=bytes(2**25)), id="a-header-field"
        ),
    ],
)
def test_what_a_file_claims_to_be_one_frame_or_one_field_is_not_read_whole(file: BytesIO) -> None:
    with at_most(2**22), pytest.raises(Refused, match="too-large"):
        list(read_frames(file, SIZE, DicomLimits(header_bytes=2**20)))


def test_what_lies_behind_a_deflated_dataset_is_not_read(tmp_path: Path) -> None:
    data = pydicom.dcmread(BytesIO(image(np.zeros((64, 64), np.uint8)).getvalue()))
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = tmp_path / "a.dcm"
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    with path.open("ab") as more:
        more.write(bytes(2**25))
    with at_most(2**22):
        assert len(list(read_frames(path, SIZE, DicomLimits(inflated_bytes=2**16)))) == 1


@contextmanager
def at_most(peak_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < peak_bytes


def test_facts_say_whose_it_is() -> None:
    said = {"PatientID": "p-1 ", "IssuerOfPatientID": "here", "SeriesInstanceUID": "1.2", "InstanceNumber": "7"}
    file = image(np.zeros((4, 4), np.uint8), **said)
    assert read_facts(file, LIMITS) == DicomFacts("p-1", "here", "1.2", 7)
