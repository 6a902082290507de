import gzip
from pathlib import Path

import numpy as np
import pysam
import pytest

from model.readers.sequence import read_sequences, sequences_in
from schemas.errors import Reason, Refused


def fasta(records: int, bases: int) -> str:
    random = np.random.default_rng(0)
    lines = []
    for record in range(records):
        text = "".join(random.choice(list("ACGTNacgt"), bases))
        lines += [f">r{record} note", *(text[start : start + 60] for start in range(0, bases, 60))]
    return "\n".join(lines) + "\n"


def fastq(records: int, bases: int) -> str:
    random = np.random.default_rng(1)
    qualities = "@" + "I" * (bases - 1)  # a quality line may begin like a record
    texts = ["".join(random.choice(list("ACGT"), bases)) for _ in range(records)]
    return "".join(f"@r{n}\n{text}\n+\n{qualities}\n" for n, text in enumerate(texts))


@pytest.mark.parametrize("text", [fasta(3, 1000), fastq(20, 75)], ids=["fasta", "fastq"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_bases_are_those_that_pysam_reads(tmp_path: Path, text: str, packed: bool) -> None:
    path = tmp_path / "reads"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    with pysam.FastxFile(str(path)) as records:
        expected = [(record.sequence or "").upper() for record in records]
    found = read_sequences(path, chunk_bases=64)
    assert found.chunks == tuple(one[start : start + 64] for one in expected for start in range(0, len(one), 64))
    assert (found.bases, found.truncated) == (sum(map(len, expected)), False)


def test_a_total_is_kept_to_and_what_is_cut_is_said(tmp_path: Path) -> None:
    path = tmp_path / "long.fa"
    path.write_text(">a\n" + "ACGT" * 1000 + "\n>b\n" + "G" * 1000 + "\n")
    found = read_sequences(path, max_bases=4100, chunk_bases=1000)
    assert [len(chunk) for chunk in found.chunks] == [1000, 1000, 1000, 1000, 100]
    assert (found.chunks[-1], found.bases, found.truncated) == ("G" * 100, 4100, True)
    assert not read_sequences(path, max_bases=5000).truncated


def test_rna_and_ambiguity_become_acgtn() -> None:
    assert sequences_in("acgurYACGU").chunks == ("ACGTNNACGT",)


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "marked.fa"
    path.write_bytes(b"\xef\xbb\xbf>c\nACGT\n")
    assert read_sequences(path).chunks == ("ACGT",)


def test_a_last_line_of_ambiguity_alone_is_of_its_record(tmp_path: Path) -> None:
    path = tmp_path / "consensus.fa"
    path.write_bytes(b">c\nACGTACGTAC\nRY\n>d\nACGTACGT\nN\n")
    assert read_sequences(path).chunks == ("ACGTACGTACNN", "ACGTACGTN")
    path.write_bytes(b">c\nACGTACGTAC\n>p\nRY\n")
    with pytest.raises(Refused, match=r"line 4: .*ambiguity"):
        read_sequences(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(b"", "line 1: neither", id="empty"),
        pytest.param(b"hello\n", "line 1: neither", id="neither"),
        pytest.param(b">only a name\n", "no sequence", id="a-name-alone"),
        pytest.param(b">p\nACGT\nMKTAYIAKQRQISFVKSHFSRQ\n", "line 3: .*no nucleotides", id="a-protein"),
        pytest.param(b">p\nMKSHVKDWYR\n", "line 2: .*ambiguity", id="a-protein-in-nucleotide-letters"),
        pytest.param(b"@r\nACGT\n+\nIII\n@s\nACGT\n+\nIIII\n", "qualities", id="too-few-qualities"),
        pytest.param(b"@r\nACGT\n+\nIIIII\n", "line 4: qualities", id="too-many-qualities"),
        pytest.param(b"@r\nACGT\n+\nII", "qualities", id="cut-off-in-the-qualities"),
        pytest.param(b"@r\nACGT\n+\nIIII\n@s\nACG", "line 5: .*cut off", id="cut-off-in-the-bases"),
        pytest.param(b"@r\nACGT\n+\nIIII\nACGT\n", "line 5: .*start with @", id="no-record"),
        pytest.param(b"@r\nAC\x00T\n+\nIIII\n", "line 2: a NUL", id="binary"),
        pytest.param(gzip.compress(b">a\n" + b"ACGT" * 500)[:-6], "cut off", id="cut-off-gzip"),
    ],
)
def test_what_is_no_sequence_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(Refused, match=found) as refusal:
        read_sequences(path)
    assert refusal.value.reason is Reason.UNREADABLE_FILE
