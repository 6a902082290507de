"""Lines of text files: how much of one is read at most, whatever it packs."""

import gzip
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.readers.gene_values import read_gene_values
from model.readers.maf import read_maf
from model.readers.sequence import read_sequences
from model.readers.text_lines import TextLimits, numbered_lines
from model.readers.vcf import read_vcf
from schemas.errors import Reason, Refused

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SMALL = TextLimits(text_bytes=4096, ratio=20, small_bytes=512, line_counts=8)
MIXED = random.Random(5).randbytes(8192).replace(b"\0", b"\1").replace(b"\n", b"\1")


def packed(folder: Path, content: bytes) -> Path:
    path = folder / "text.gz"
    path.write_bytes(gzip.compress(content))
    return path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(MIXED[:4097], id="more-than-any-text"),
        pytest.param(b"A" * 800, id="more-than-its-size-can-mean"),
        pytest.param(b"\n" * 100, id="blank-lines"),
    ],
)
def test_a_text_is_read_to_its_bound_and_no_further(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused, match=r"4096 bytes, .* 20 times its size") as refusal:
        list(numbered_lines(packed(tmp_path, content), SMALL))
    assert refusal.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("content", [b"\n" * 64, b"A" * 512, b"A" * 256 + MIXED[:3800]])
def test_a_text_within_its_bounds_is_read_whole(tmp_path: Path, content: bytes) -> None:
    found = list(numbered_lines(packed(tmp_path, content), SMALL))
    assert found[-1][0] == max(content.count(b"\n"), 1)


@pytest.mark.parametrize(
    ("head", "read"),
    [
        pytest.param(
            b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
            lambda path: read_vcf(path, at=NOON, assay="wgs"),
            id="vcf",
        ),
        pytest.param(b"", lambda path: read_maf(path, at=NOON, assay="wes", specimen="s"), id="maf"),
        pytest.param(b">a\n", read_sequences, id="fasta"),
        pytest.param(b"gene\tkind\tvalue\n", read_gene_values, id="gene-values"),
    ],
)
def test_blank_lines_packed_small_hold_no_reader_for_long(
    tmp_path: Path, head: bytes, read: Callable[[Path], object]
) -> None:
    """They were unpacked to 64 GiB of them: eleven hours, of a file of 65 MB."""
    with pytest.raises(Refused, match="200 times its size"):
        read(packed(tmp_path, head + b"\n" * 2**19))
