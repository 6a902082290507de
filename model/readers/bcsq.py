"""BCSQ, the annotation of bcftools csq: consequence, gene, transcript, biotype, strand, amino acids, DNA change."""

from model.readers.consequences import BCFTOOLS_TERMS, severity, worst
from model.readers.vcf_record import VcfRecord

_CONSEQUENCE, _GENE, _DNA_CHANGE = 0, 1, 6

Said = tuple[str, str]


def bcsq_of(record: VcfRecord) -> list[Said]:
    """(gene, consequence) of each alternative.

    An entry names its alternative in the DNA change alone. One behind a stop (`*`) is told as it is by itself, as
    other annotators do. What another line tells of several variants together (`@`) is not looked up: that line may
    come later.
    """
    entries = [text.split("|") for text in record.info["BCSQ"].split(",") if not text.startswith("@")]
    said = [_said(entry) for entry in entries]
    if len(record.alts) == 1:
        return [_most_severe(said)]
    by_change: dict[str, list[Said]] = {}
    for entry, one in zip(entries, said, strict=True):
        for change in "".join(entry[_DNA_CHANGE : _DNA_CHANGE + 1]).split("+"):
            by_change.setdefault(change, []).append(one)
    gene_alone = (_most_severe(said)[0], "")
    own = (by_change.get(f"{record.pos}{record.ref}>{alt}") for alt in record.alts)
    return [_most_severe(found) if found else gene_alone for found in own]


def _said(entry: list[str]) -> Said:
    terms = entry[_CONSEQUENCE].removeprefix("*").split("&")
    gene = "".join(entry[_GENE : _GENE + 1])
    return "" if gene == "." else gene, worst("&".join(BCFTOOLS_TERMS.get(term, "") for term in terms))


def _most_severe(said: list[Said]) -> Said:
    return min(said, key=lambda one: severity(one[1]), default=("", ""))
