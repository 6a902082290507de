"""The size that an encoded picture claims, read from its first bytes before anything of it is decoded."""

import numpy as np

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_J2K_START = b"\xff\x4f\xff\x51"
_MAX_COMPONENTS = 4
"""Of JPEG 2000, which allows 16384 of them: colours and one of transparency."""


def start_of_frame(frame: bytes) -> int:
    """Offset of the length that follows the SOF marker, or -1."""
    at = 2
    while at + 9 < len(frame) and frame[at] == 0xFF:
        if frame[at + 1] in _START_OF_FRAME:
            return at + 2
        at += 1 if frame[at + 1] == 0xFF else 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return -1


def jpeg_shape(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG or JPEG-LS, or None where it does not say."""
    at = start_of_frame(frame)
    if at < 0:
        return None
    return int.from_bytes(frame[at + 3 : at + 5], "big"), int.from_bytes(frame[at + 5 : at + 7], "big")


def j2k_shape(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG 2000, or None where it does not say, or has more components than a picture."""
    at = _j2k_start(frame)
    if not frame.startswith(_J2K_START, at) or len(frame) < at + 42:
        return None
    if int.from_bytes(frame[at + 40 : at + 42], "big") > _MAX_COMPONENTS:
        return None
    right, bottom, left, top = np.frombuffer(frame, dtype=">u4", count=4, offset=at + 8).tolist()
    return bottom - top, right - left


def _j2k_start(frame: bytes) -> int:
    """Where the codestream starts: at once, or in its own box where a sender wrapped it in JP2."""
    at = 0
    while frame.startswith(b"jP", 4) and at + 8 <= len(frame):
        length = int.from_bytes(frame[at : at + 4], "big")
        if frame.startswith(b"jp2c", at + 4):
            return at + (16 if length == 1 else 8)
        if length < 8:
            break
        at += length
    return 0
