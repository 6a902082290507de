"""Reads of one alternative from each caller's fields, worked by hand; what does not fit is no count."""

import pytest

from model.readers.vaf import Reads, reads_of
from model.readers.vcf_record import VcfRecord


def read(sample: str, *, alt: int = 0, alts: str = "T", info: str = "", samples: int = 1, ref: str = "A") -> Reads:
    """Fields as `AD=1,2 DP=3`."""
    pairs = [dict(pair.split("=") for pair in text.split()) for text in (info, sample)]
    return reads_of(VcfRecord("1", 5, ref, tuple(alts.split(",")), True, pairs[0], pairs[1], samples), alt)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        pytest.param("AU=30,31 TU=10,12", Reads(10, 40, 0.25), id="strelka-by-tier-1"),
        pytest.param("TU=10,12", Reads(), id="strelka-without-the-reference"),
        pytest.param("AU=30,31", Reads(), id="strelka-without-the-alternative"),
        pytest.param("TAR=30,99 TIR=10,99", Reads(10, 40, 0.25), id="strelka-indel-by-tier-1"),
        pytest.param("TIR=10,99", Reads(), id="strelka-indel-without-the-others"),
        pytest.param("TAR=30,99", Reads(), id="strelka-indel-without-its-own"),
        pytest.param("AD=0,0 AF=0.25", Reads(0, 0, 0.25), id="of-no-reads-the-callers-fraction"),
        pytest.param("AD=30,10 DP=50", Reads(10, 50, 0.25), id="depth-is-dp-and-the-fraction-of-counted-reads"),
        pytest.param("AD=30,10,5", Reads(), id="counts-of-more-alternatives-than-there-are"),
        pytest.param("RD=30 AD=10", Reads(10, 40, 0.25), id="varscan"),
        pytest.param("RO=30 AO=10", Reads(10, 40, 0.25), id="freebayes"),
        pytest.param("RO=30,1 AO=10", Reads(), id="freebayes-has-one-reference"),
        pytest.param("RO=30 AO=10,1", Reads(), id="freebayes-of-more-alternatives-than-there-are"),
        pytest.param("NR=40 NV=10", Reads(10, 40, 0.25), id="platypus"),
        pytest.param("NR=40 NV=50", Reads(50, 40, 1.0), id="more-mutant-reads-than-reads-are-all"),
        pytest.param("DP4=20,10,6,4", Reads(10, 40, 0.25), id="four-strands"),
        pytest.param("AF=0 DP=40", Reads(0, 40, 0.0), id="a-fraction-of-0-is-no-mutant-read"),
        pytest.param("AF=0.25 DP=40", Reads(None, 40, 0.25), id="a-fraction-is-no-count"),
        pytest.param("AF=1.5 FREQ=25%", Reads(None, None, 0.25), id="beyond-1-is-no-fraction"),
        pytest.param("AF=-0.1", Reads(), id="nor-below-0"),
        pytest.param("FREQ=.%", Reads(), id="nor-a-gap"),
        pytest.param("AF=1", Reads(None, None, 1.0), id="all-reads"),
        pytest.param("AD=30,.", Reads(), id="a-gap-among-the-counts"),
        pytest.param("AD=3,\u0661", Reads(), id="a-digit-of-another-script"),
        pytest.param("AD=0,999999999", Reads(999_999_999, 999_999_999, 1.0), id="nine-digits-are-a-count"),
        pytest.param("AD=0,1000000000", Reads(), id="ten-are-none"),
    ],
)
def test_reads_are_those_that_the_caller_counted(sample: str, expected: Reads) -> None:
    assert read(sample) == expected


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        pytest.param("AD=50,30,20", Reads(20, 100, 0.2), id="gatk"),
        pytest.param("AU=50,0 TU=30,0 GU=20,0", Reads(20, 70, 20 / 70), id="strelka-against-the-reference-alone"),
        pytest.param("RO=50 AO=30,20", Reads(20, 100, 0.2), id="freebayes"),
        pytest.param("NR=90,100 NV=30,20", Reads(20, 100, 0.2), id="platypus"),
        pytest.param("AF=0.3,0.2", Reads(None, None, 0.2), id="fractions"),
        pytest.param("AF=0.3", Reads(), id="one-fraction-is-of-the-first"),
        pytest.param("TAR=30,0 TIR=10,0", Reads(), id="strelka-counts-one-indel"),
        pytest.param("RD=30 AD=10", Reads(), id="varscan-counts-one"),
        pytest.param("DP4=20,10,6,4", Reads(), id="four-strands-are-of-one"),
    ],
)
def test_of_two_alternatives_each_has_its_own(sample: str, expected: Reads) -> None:
    assert read(sample, alts="T,G", alt=1) == expected


def test_reads_of_both_alternatives_together_are_of_neither() -> None:
    assert read("DP4=20,10,6,4", alts="T,G") == Reads()


def test_info_speaks_for_a_sample_only_where_it_is_the_only_one() -> None:
    info = "DP=40 AF=0.25"
    assert read("GT=0/1", info=info) == Reads(None, 40, 0.25)
    assert read("GT=0/1", info=info, samples=2) == Reads()
    assert read("GT=0/1", info=f"{info} AN=2") == Reads(None, 40, None)  # a population's frequency
    assert read("GT=0/1", info="DP4=20,10,6,4") == Reads(10, 40, 0.25)
    assert read("GT=0/1", info="DP4=20,10,6,4", samples=2) == Reads()
