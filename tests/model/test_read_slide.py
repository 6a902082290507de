"""Slides and TIFFs, made by tifffile: which tiles are read, at what size, and which are left as background."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from dicom_slide import wsi
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.readers.pixels import Tile, cut, is_background
from model.readers.slide import SlideRules, grid, is_slide, read_slide
from model.readers.tiff import read_tiff
from schemas.errors import Reason, Refused

SIZE = 32
PINK = (220, 120, 180)
WHITE = (245, 244, 246)


def picture(height: int = 256, width: int = 320) -> NDArray[np.uint8]:
    """Glass, with one stained rectangle of 64 × 96 at (64, 128)."""
    pixels = np.full((height, width, 3), WHITE, np.uint8)
    pixels[64:128, 128:224] = PINK
    return pixels


def tiff(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    tifffile.imwrite(path, pixels, **{"photometric": "rgb", **options})
    return path


def read(path: Path, rules: SlideRules | None = None) -> list[Tile]:
    return list(read_slide([path], SIZE, rules or SlideRules()))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"tile": (64, 64), "compression": "jpeg"}, 6, id="openslide"),
        pytest.param({"tile": (64, 64), "compression": "zstd"}, 6, id="codec-that-openslide-lacks"),
        pytest.param({}, 6, id="not-tiled"),
    ],
)
def test_only_tissue_is_read(tmp_path: Path, options: dict[str, Any], expected: int) -> None:
    tiles = read(tiff(tmp_path / "a.tiff", picture(), **options))
    assert len(tiles) == expected
    for tile in tiles:
        assert tile.shape == (3, SIZE, SIZE)
        np.testing.assert_allclose(tile.mean(axis=(1, 2)), np.array(PINK) / 255, atol=0.02)


def test_sixteen_bit_grey_and_white_is_zero(tmp_path: Path) -> None:
    grey = np.full((64, 64), 13107, np.uint16)
    assert read(tiff(tmp_path / "a.tiff", grey, photometric="minisblack"))[0].mean() == pytest.approx(0.2, abs=1e-4)
    assert read(tiff(tmp_path / "b.tiff", grey, photometric="miniswhite"))[0].mean() == pytest.approx(0.8, abs=1e-4)


def test_the_level_follows_the_pixel_size(tmp_path: Path) -> None:
    stained = np.full((512, 512, 3), PINK, np.uint8)
    path = tmp_path / "a.tiff"
    at_quarter_micron: dict[str, Any] = {"resolution": (40_000, 40_000), "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path) as file:
        file.write(stained, tile=(64, 64), photometric="rgb", subifds=0, **at_quarter_micron)
        file.write(stained[::4, ::4], tile=(64, 64), photometric="rgb", subfiletype=1)
    counts = [len(read(path, SlideRules(microns_per_pixel=size))) for size in (0.25, 0.5, 1.0, 2.0, 0.1)]
    assert counts == [256, 64, 16, 4, 256]


def test_an_svs_has_the_pixel_size_that_its_scanner_wrote(tmp_path: Path) -> None:
    said = "Aperio Image Library v11.2.1\r\n512x512 [0,0 512x512] (64x64) JPEG/RGB Q=70|AppMag = 40|MPP = 0.25"
    stained = np.full((512, 512, 3), PINK, np.uint8)
    path = tiff(tmp_path / "a.svs", stained, tile=(64, 64), compression="jpeg", description=said, metadata=None)
    counts = [len(read(path, SlideRules(microns_per_pixel=size))) for size in (0.25, 0.5, 1.0)]
    assert counts == [256, 64, 16]


def test_the_bound_thins_the_grid_the_same_way_each_time(tmp_path: Path) -> None:
    stained = tiff(tmp_path / "a.tiff", np.full((256, 256, 3), PINK, np.uint8), tile=(64, 64))
    bounded = SlideRules(max_tiles=20)
    assert len(read(stained)) == 64
    assert len(read(stained, bounded)) == 16
    assert np.array_equal(read(stained, bounded), read(stained, bounded))


@pytest.mark.parametrize(("width", "height", "most"), [(1000, 10, 7), (10, 10, 1), (3333, 2222, 100), (640, 640, 400)])
def test_a_grid_stays_within_its_bound_and_its_picture(width: int, height: int, most: int) -> None:
    corners = grid(width, height, SIZE, most)
    assert 1 <= len(corners) <= most
    assert all(x + SIZE <= max(width, SIZE) and y + SIZE <= max(height, SIZE) for x, y in corners)


@pytest.mark.parametrize(("height", "width", "count"), [(32, 32, 1), (5, 7, 1), (64, 96, 6), (47, 32, 1), (48, 32, 2)])
def test_a_cut_leaves_out_thin_edges(height: int, width: int, count: int) -> None:
    assert len(list(cut(np.zeros((height, width), np.float32), SIZE))) == count


@pytest.mark.parametrize(
    ("colour", "background"),
    [
        pytest.param(WHITE, True, id="glass"),
        pytest.param((0, 0, 0), True, id="outside"),
        pytest.param(PINK, False, id="eosin"),
        pytest.param((90, 80, 160), False, id="haematoxylin"),
        pytest.param((120, 120, 120), False, id="grey-picture"),
    ],
)
def test_background(colour: tuple[int, int, int], background: bool) -> None:
    tile = np.broadcast_to(np.array(colour, np.float32)[:, None, None] / np.float32(255), (3, SIZE, SIZE))
    assert is_background(tile) == background


@pytest.mark.parametrize(
    ("options", "rules", "reason"),
    [
        pytest.param({}, SlideRules(segment_pixels=1000), Reason.TOO_LARGE, id="page-not-tiled"),
        pytest.param({"tile": (64, 64)}, SlideRules(segment_pixels=1000), Reason.TOO_LARGE, id="stored-tile"),
    ],
)
def test_what_must_be_decoded_at_once_is_bounded(
    tmp_path: Path, options: dict[str, Any], rules: SlideRules, reason: Reason
) -> None:
    with pytest.raises(Refused) as refused:
        read(tiff(tmp_path / "a.tiff", picture(), **options), rules)
    assert refused.value.reason == reason


def test_no_level_asks_for_more_at_once_than_the_largest_may(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tiff") as target:
        target.write(picture(512, 512), tile=(64, 64), photometric="rgb", compression="deflate")
        target.write(picture(256, 256), tile=(256, 256), photometric="rgb", compression="deflate", subfiletype=1)
    with pytest.raises(Refused, match="too-large"):
        read(tmp_path / "a.tiff", SlideRules(segment_pixels=128 * 128))


@pytest.mark.parametrize("tag", [(277, 3, 1, 1000), (32997, 4, 1, 1000)], ids=["samples", "depth"])
def test_a_file_of_some_bytes_does_not_ask_for_gigabytes(tmp_path: Path, tag: tuple[int, int, int, int]) -> None:
    """A page of 25 million pixels whose one strip is absent, so that it is filled in: of 1000 samples, or 1000 deep."""
    tags = {256: (4, 5000), 257: (4, 5000), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 8), 277: (3, 1)}
    entries = {number: (number, kind, 1, value) for number, (kind, value) in (tags | {278: (4, 5000)}).items()}
    entries |= {279: (279, 4, 1, 0), tag[0]: tag}
    table = b"".join(struct.pack("<HHII", *entries[number]) for number in sorted(entries))
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4))
    with pytest.raises(Refused, match="too-large"):
        read(path)


@pytest.mark.parametrize("codec", ["jpeg", "jpeg2000"])
def test_a_picture_in_a_strip_is_not_decoded_beyond_what_a_strip_may_be(tmp_path: Path, codec: str) -> None:
    """Four kilobytes of JPEG 2000 in a page of 64 x 64 filled gigabytes, and what was read of them was their corner."""
    large = np.full((2000, 2000, 3), 100, np.uint8)
    encoded = imagecodecs.jpeg8_encode(large) if codec == "jpeg" else imagecodecs.jpeg2k_encode(large, level=10)
    path = tmp_path / "a.tif"
    claimed: dict[str, Any] = {"shape": (64, 64, 3), "dtype": "u1", "photometric": "rgb", "rowsperstrip": 64}
    tifffile.imwrite(path, iter([bytes(encoded)]), compression=codec, **claimed)
    with pytest.raises(Refused, match="too-large"):
        read(path, SlideRules(segment_pixels=2**20))


@pytest.mark.parametrize("tile", [(64, 64), None], ids=["tiles", "strips"])
@pytest.mark.parametrize("codec", ["webp", "aperio_jp2000_ycbc", "jpegxl"])
def test_another_compression_is_refused_with_those_that_are_read(tmp_path: Path, codec: str, tile: Any) -> None:
    """The refusal of tiles said that the slide was broken, so a sender would have exported the same again."""
    path = tiff(tmp_path / "a.tif", picture(), compression=codec, tile=tile)
    with pytest.raises(Refused, match=r"unsupported: .*with tiles in JPEG, LZW or Deflate"):
        read(path)


@pytest.mark.parametrize("codec", ["jpeg", "lzw", "deflate"])
def test_the_compressions_that_a_refusal_names_are_read(tmp_path: Path, codec: str) -> None:
    assert len(read(tiff(tmp_path / "a.tif", picture(), compression=codec, tile=(64, 64)))) == 6


@pytest.mark.parametrize("tile", [(64, 64), None], ids=["tiles", "strips"])
@pytest.mark.parametrize(
    ("pixels", "axes", "photometric"),
    [
        pytest.param(picture().transpose(2, 0, 1), "CYX", "minisblack", id="channels"),
        pytest.param(np.stack([picture()] * 3), "ZYXS", "rgb", id="focal-planes"),
    ],
)
def test_several_pictures_of_one_size_are_refused(
    tmp_path: Path, pixels: NDArray[Any], axes: str, photometric: str, tile: Any
) -> None:
    """An OME-TIFF of three stains was read as its first channel alone."""
    path = tiff(tmp_path / "a.ome.tif", pixels, metadata={"axes": axes}, photometric=photometric, tile=tile)
    with pytest.raises(Refused, match="unsupported: a TIFF of several pictures"):
        read(path)


def test_a_mask_and_smaller_levels_beside_a_picture_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        out.write(picture(), photometric="rgb", tile=(64, 64))
        out.write(np.ones(picture().shape[:2], bool), photometric="minisblack", subfiletype=4)
        out.write(picture()[::2, ::2], photometric="rgb", tile=(64, 64), subfiletype=1)
    assert len(read(path)) == 6


def test_a_picture_of_more_tiles_than_the_file_has_is_refused(tmp_path: Path) -> None:
    """Sides of a million and of three hundred pixels claim seventy thousand tiles: more would fill the memory."""
    path = tiff(tmp_path / "a.tif", picture(), tile=(64, 64))
    width, claimed = (struct.pack("<HHII", 256, 4, 1, side) for side in (320, 1_000_000))
    path.write_bytes(path.read_bytes().replace(width, claimed) + bytes(8))
    with pytest.raises(Refused):
        list(read_tiff(path, SIZE, 4096, SlideRules().segment_pixels))


def test_what_a_file_says_of_its_patient_does_not_reach_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tiff(tmp_path / "a.tif", picture(), description="Name: SATO", metadata=None)
    path.write_bytes(path.read_bytes().replace(b"SATO", "佐藤".encode("shift-jis")))
    read(path)
    assert not caplog.records


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"II", id="no-more-than-its-byte-order"),
        pytest.param(b"II+\0\x08\0\0\0\x10\0\0\0", id="a-bigtiff-cut-in-its-header"),
        pytest.param(None, id="tiles-of-no-length"),
    ],
)
def test_a_tiff_that_cannot_be_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tiff(tmp_path / "a.tif", picture(), tile=(64, 64))
    length = struct.pack("<HHII", 323, 4, 1, 64)
    assert length in path.read_bytes()
    path.write_bytes(content or path.read_bytes().replace(length, struct.pack("<HHII", 67, 4, 1, 64)))
    with pytest.raises(Refused):
        read(path)


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr"])
def test_other_colours_than_rgb_are_refused(tmp_path: Path, mode: str) -> None:
    in_mode(Image.fromarray(np.full((64, 64, 3), PINK, np.uint8)), mode).save(tmp_path / "a.tiff")
    with pytest.raises(Refused, match="save it as tiled RGB") as refused:
        read(tmp_path / "a.tiff")
    assert refused.value.reason == Reason.UNSUPPORTED


@pytest.mark.parametrize(("mode", "named"), [("CMYK", "separated"), ("YCbCr", "ycbcr")])
def test_tiles_of_other_colours_are_read_as_rgb(tmp_path: Path, mode: str, named: str) -> None:
    stored = np.asarray(in_mode(Image.fromarray(np.full((64, 64, 3), PINK, np.uint8)), mode))
    (first, *_) = read(tiff(tmp_path / "a.tiff", stored, photometric=named, tile=(64, 64)))
    np.testing.assert_allclose(first.mean(axis=(1, 2)), np.array(PINK) / 255, atol=0.01)


def test_tiles_of_cielab_are_refused(tmp_path: Path) -> None:
    stored = np.asarray(in_mode(Image.fromarray(np.full((64, 64, 3), PINK, np.uint8)), "LAB"))
    with pytest.raises(Refused, match="save it as tiled RGB"):
        read(tiff(tmp_path / "a.tiff", stored, photometric="cielab", tile=(64, 64)))


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode != "LAB":
        return image.convert(mode)
    profiles = [ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")]
    converted = ImageCms.profileToProfile(image, profiles[0], profiles[1], outputMode="LAB")
    assert converted is not None
    return converted


def test_the_ycbcr_of_a_jpeg_is_read_as_rgb(tmp_path: Path) -> None:
    written = tmp_path / "a.tiff"
    Image.fromarray(np.full((64, 64, 3), PINK, np.uint8)).convert("YCbCr").save(written, compression="jpeg")
    (first, *_) = read(written)
    np.testing.assert_allclose(first.mean(axis=(1, 2)), np.array(PINK) / 255, atol=0.02)


@pytest.mark.parametrize("bits", [4, 8, 10, 12, 14, 16])
def test_a_pixel_of_any_number_of_bits_is_as_bright(tmp_path: Path, bits: int) -> None:
    half = np.full((64, 64), round(0.6 * (2**bits - 1)), np.uint8 if bits <= 8 else np.uint16)
    (first, *_) = read(tiff(tmp_path / "a.tiff", half, photometric="minisblack", bitspersample=bits))
    np.testing.assert_allclose(first, 0.6, atol=0.001)


def test_floating_point_is_not_supported(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="unsupported"):
        read(tiff(tmp_path / "a.tiff", np.zeros((64, 64), np.float32), photometric="minisblack"))


@pytest.mark.parametrize("options", [{"tile": (64, 64), "compression": "jpeg"}, {"compression": "zstd"}, {}])
def test_a_slide_cut_anywhere_is_read_or_refused_and_nothing_else(tmp_path: Path, options: dict[str, Any]) -> None:
    whole = tiff(tmp_path / "a.tiff", picture(), **options).read_bytes()
    broken = tmp_path / "broken.tiff"
    for part in (0, 8, 200, len(whole) // 2, len(whole) - 500):
        broken.write_bytes(whole[:part])
        with suppress(Refused):
            read(broken)
    broken.write_bytes(whole[:8])
    with pytest.raises(Refused, match=r"unsupported|unreadable"):
        read(broken)


@pytest.mark.parametrize("named", [1, 2], ids=["the-level-beside-it-is-not-named", "both-levels"])
def test_a_dicom_slide_has_the_levels_that_are_named(tmp_path: Path, named: int) -> None:
    parts = [wsi(tmp_path / "0.dcm", 0, PINK), wsi(tmp_path / "1.dcm", 1, (90, 80, 160))]
    assert is_slide(parts[:named])
    tiles = list(read_slide(parts[:named], SIZE, SlideRules(microns_per_pixel=2)))
    assert len(tiles) == 4
    shown = PINK if named == 1 else (90, 80, 160)
    np.testing.assert_allclose(tiles[0].mean(axis=(1, 2)), np.array(shown) / 255, atol=0.02)


def test_a_slide_is_known_by_all_its_files_and_not_by_the_first(tmp_path: Path) -> None:
    label = wsi(tmp_path / "0.dcm", 2, (255, 0, 0), kind="LABEL")
    levels = [wsi(tmp_path / "1.dcm", 0, PINK), wsi(tmp_path / "2.dcm", 1, (90, 80, 160))]
    assert is_slide([label, *levels])
    assert len(list(read_slide([label, *levels], SIZE, SlideRules(microns_per_pixel=2)))) == 4
    assert not is_slide([label])


def test_files_beside_a_slide_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.mrxs").write_bytes(b"")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "Slidedat.ini").write_text("[GENERAL]\nSLIDE_ID=x\n")
    with pytest.raises(Refused, match="unsupported"):
        read(tmp_path / "a.mrxs")
