"""What an encoded picture says of its size, held against the encoders that wrote it."""

import struct

import imagecodecs
import numpy as np
import pytest

from model.readers.codestreams import j2k_shape, jpeg_shape

PICTURE = np.zeros((40, 60, 3), np.uint8)


def boxed(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_a_jpeg_says_its_rows_and_columns() -> None:
    assert jpeg_shape(bytes(imagecodecs.jpeg8_encode(PICTURE))) == (40, 60)
    assert jpeg_shape(b"\xff\xd8\xff\xd9") is None


@pytest.mark.parametrize("wrapped", ["j2k", "jp2"])
def test_a_jpeg_2000_says_its_rows_and_columns_bare_or_wrapped(wrapped: str) -> None:
    assert j2k_shape(bytes(imagecodecs.jpeg2k_encode(PICTURE, codecformat=wrapped))) == (40, 60)


def test_a_codestream_in_a_box_beside_the_picture_s_own_does_not_speak_for_it() -> None:
    """The first one that was found was believed, and the other decoded, of whatever size."""
    small = bytes(imagecodecs.jpeg2k_encode(PICTURE[:8, :8], codecformat="j2k"))
    large = bytes(imagecodecs.jpeg2k_encode(PICTURE, codecformat="jp2"))
    assert j2k_shape(large[:12] + boxed(b"free", small) + large[12:]) == (40, 60)


def test_a_jpeg_2000_of_a_thousand_components_is_none() -> None:
    encoded = bytearray(imagecodecs.jpeg2k_encode(PICTURE, codecformat="j2k"))
    encoded[40:42] = (1000).to_bytes(2, "big")
    assert j2k_shape(bytes(encoded)) is None
