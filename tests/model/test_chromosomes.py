import pytest

from model.readers.chromosomes import change_at, chromosome


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("12", "chr12", "CHR12", "Chr 12", "Chromosome 12", "NC_000012.12", "NC_000012.11"), "chr12"),
        (("1", "01", "chr1", "NC_000001.11"), "chr1"),
        (("X", "chrX", "chrx", "NC_000023.11"), "chrX"),
        (("M", "MT", "chrM", "chrMT", "NC_012920.1"), "chrM"),
    ],
)
def test_a_chromosome_has_one_name(names: tuple[str, ...], expected: str) -> None:
    assert {chromosome(name) for name in names} == {expected}


@pytest.mark.parametrize(
    "name", ["", "chr23", "chrUn_KI270742v1", "GL000192.1", "HLA-A*01:01", "hs37d5", "NC_000913.3"]
)
def test_any_other_contig_keeps_its_own(name: str) -> None:
    assert chromosome(name) == name


def test_bases_are_in_upper_case_and_nothing_else_is_changed() -> None:
    assert change_at("12", 5, "a", "t") == "chr12:5:A>T"
    assert change_at("12", 5, "A", "<DUP:tandem>") == "chr12:5:A><DUP:tandem>"
    assert change_at("12", 5, "A", "A]chr3:7]") == "chr12:5:A>A]chr3:7]"
