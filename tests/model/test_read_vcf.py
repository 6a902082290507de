import gzip
import re
import time
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pysam
import pytest

from model.readers.chromosomes import change_at
from model.readers.variants import Variants
from model.readers.vcf import read_vcf
from schemas.errors import Reason, Refused

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "vcf"
TOLERATED = set(re.findall(r"^\| `(\S+\.vcf)` \|", (ROOT / "docs/evidence/vcf-tolerated.md").read_text(), re.MULTILINE))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
needs_files = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data/vcf beside the project")


def files_of(kind: str) -> list[Path]:
    return sorted((DATA / kind).glob("*.vcf"))


def read(path: Path, assay: str = "panel", specimen: str = "s-17", max_variants: int = 256) -> Variants:
    return read_vcf(path, at=NOON, assay=assay, specimen=specimen, max_variants=max_variants)


@needs_files
@pytest.mark.parametrize("path", files_of("passed"), ids=lambda path: path.stem)
def test_every_file_that_the_specification_passes_is_read(path: Path) -> None:
    assert all(token.change for token in read(path).tokens)


@needs_files
@pytest.mark.parametrize("path", files_of("failed"), ids=lambda path: path.stem)
def test_every_file_that_it_fails_is_refused_or_listed_with_a_reason(path: Path) -> None:
    if path.name in TOLERATED:
        read(path)
        return
    with pytest.raises(Refused) as refusal:
        read(path)
    assert refusal.value.reason is Reason.UNREADABLE_FILE
    assert re.match(r"line \d+: .+; correct the file", refusal.value.detail)
    assert not re.search(r"rs18|HG000|0\.050|SAMPLE1", refusal.value.detail)


@needs_files
def test_the_list_of_tolerated_files_names_no_other() -> None:
    assert {path.name for path in files_of("failed")} >= TOLERATED
    assert 0 < len(TOLERATED) <= 11


@needs_files
def test_htslib_finds_the_same_variants_in_the_last_sample() -> None:
    pysam.set_verbosity(0)
    compared = 0
    for path in files_of("passed"):
        try:
            expected = htslib_changes(path)
        except (OSError, ValueError):  # htslib refuses some of what the specification passes
            continue
        found = {token.change for token in read(path, max_variants=10_000).tokens}
        assert found == expected, path.name
        compared += len(found)
    assert compared > 200


def htslib_changes(path: Path) -> set[str]:
    found = set()
    with pysam.VariantFile(str(path)) as opened:
        for record in opened:
            samples = list(record.samples.values())
            called = samples[-1].get("GT") if samples else None
            for index, alt in enumerate(record.alts or (), 1):
                if alt not in {"*", "<*>"} and (not called or set(called) == {None} or index in called):
                    found.add(change_at(record.chrom.strip("<>"), record.pos, record.ref or "", alt))
    return found


@needs_files
def test_gzip_and_bgzf_say_what_plain_says_and_cut_off_files_are_refused(tmp_path: Path) -> None:
    source = DATA / "passed" / "4.2-complexfile_passed_000.vcf"
    plain, packed, blocks = read(source), tmp_path / "a.gz", tmp_path / "b.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    with pysam.BGZFile(str(blocks), "w", None) as out:
        out.write(source.read_bytes())
    assert plain.tokens
    assert read(packed) == read(blocks) == plain
    for path, missing in ((packed, 200), (blocks, 28)):
        path.write_bytes(path.read_bytes()[:-missing])
        with pytest.raises(Refused, match="cut off"):
            read(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00", id="an-image"),
        pytest.param(b"\x1f\x8bnonsense", id="a-broken-gzip"),
        pytest.param(b"##fileformat=VCFv4.2\n" + b"#" * (5 * 2**20), id="an-endless-line"),
        pytest.param(
            b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
            b"1\t5\t.\tA\tT\t.\t.\t.\tGT\t" + b"9" * 5000,
            id="a-number-of-5000-digits",
        ),
    ],
)
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "garbage.vcf"
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        read(path)
    assert refusal.value.reason is Reason.UNREADABLE_FILE


def test_an_allele_of_megabases_is_trimmed_at_once(tmp_path: Path) -> None:
    """A copy for each base made minutes of this."""
    path = tmp_path / "long.vcf"
    head = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    path.write_bytes(head + b"1\t5\t.\tC" + b"A" * 1_000_000 + b"\tG" + b"A" * 900_000 + b"\t.\t.\t.\n")
    started = time.monotonic()
    assert len(read(path).tokens) == 1
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("row", ["{} . .", ". . AF={}"], ids=["qual", "info"])
def test_a_number_that_never_ends_is_refused_at_once(tmp_path: Path, row: str) -> None:
    """A time that grows with the square of the length made minutes of this, and a day of the longest line."""
    head = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    path = tmp_path / "long.vcf"
    path.write_bytes(head + f"1 5 . A T {row.format('1' * 40_000 + 'x')}".replace(" ", "\t").encode())
    started = time.monotonic()
    with pytest.raises(Refused):
        read(path)
    assert time.monotonic() - started < 10


def test_a_long_annotation_is_looked_through_once_and_not_for_each_alternative(tmp_path: Path) -> None:
    """Three megabytes, a few thousand once packed, made half a minute of this: so many lines, hours."""
    alts = ",".join("".join(bases) for bases in product("ACGT", repeat=3))
    annotation = "ANN=" + ",".join(["AAA|x|y|z"] * 300_000)
    path = tmp_path / "long.vcf"
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    path.write_text(head + f"1 5 . A {alts} . PASS {annotation}\n".replace(" ", "\t"))
    started = time.monotonic()
    assert len(read(path).tokens) == 64
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("sample", ["GT 1" + "/1" * 1_000_000, "AD " + ",".join(["9"] * 1_000_000)], ids=["GT", "AD"])
def test_a_long_sample_is_not_looked_through_for_each_alternative(tmp_path: Path, sample: str) -> None:
    alts = ",".join("".join(bases) for bases in product("ACGT", repeat=3))
    path = tmp_path / "long.vcf"
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tT\n"
    path.write_text(head + f"1 5 . A {alts} . PASS . {sample}\n".replace(" ", "\t"))
    started = time.monotonic()
    with pytest.raises(Refused, match="split the line"):
        read(path)
    assert time.monotonic() - started < 5


def test_a_description_of_a_million_fields_is_not_looked_through_for_each_line(tmp_path: Path) -> None:
    path = tmp_path / "long.vcf"
    description = "fields are: " + "Gencode_1_hugoSymbol|" * 150_000
    rows = "".join(f"1 {place} . A T . PASS FUNCOTATION=[x]\n" for place in range(1, 1000)).replace(" ", "\t")
    meta = f'##INFO=<ID=FUNCOTATION,Number=A,Type=String,Description="{description}">\n'
    path.write_text(f"##fileformat=VCFv4.2\n{meta}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{rows}")
    started = time.monotonic()
    assert len(read(path).tokens) == 256
    assert time.monotonic() - started < 5


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "header.vcf"
    with path.open("wb") as out:
        out.write(b"##fileformat=VCFv4.2\n")
        for number in range(18):
            out.write(b"##more%d=" % number + b"A" * (4 * 2**20 - 64) + b"\n")
        out.write(b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    with pytest.raises(Refused, match="characters of them"):
        read(path)
