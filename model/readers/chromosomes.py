"""One spelling of a chromosome and of a change there, however a file spells them: those of one specimen may differ."""

import re

_PLAIN = re.compile(r"(?:chromosome|chr)?[\s_]*0?([1-9]|1\d|2[0-2]|X|Y|MT?)", re.IGNORECASE)
_REFSEQ = re.compile(r"NC_0000(0[1-9]|1\d|2[0-4])\.\d+")
_SEX = {"23": "X", "24": "Y"}
_MITOCHONDRIAL = "NC_012920."
_BASES = re.compile(r"[ACGTNacgtn]+")


def chromosome(name: str) -> str:
    """`chr12` of 12, CHR12, Chromosome 12 and NC_000012.12; a contig that is none of the human 25 as it stands."""
    refseq, plain = _REFSEQ.fullmatch(name), _PLAIN.fullmatch(name.strip())
    if refseq is not None:
        number = refseq[1].lstrip("0")
        return f"chr{_SEX.get(number, number)}"
    if name.startswith(_MITOCHONDRIAL):
        return "chrM"
    return name if plain is None else f"chr{plain[1].upper().removesuffix('T')}"


def change_at(chrom: str, position: int | str, reference: str, alternative: str) -> str:
    """`chrom:pos:ref>alt`, with bases in upper case; what else stands for an allele (<DEL>) as it is written."""
    alleles = (each.upper() if _BASES.fullmatch(each) else each for each in (reference, alternative))
    return f"{chromosome(chrom)}:{position}:{'>'.join(alleles)}"
