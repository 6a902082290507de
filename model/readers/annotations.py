"""Gene and consequence of variants, from the INFO of whichever annotator wrote it."""

from model.readers.bcsq import bcsq_of
from model.readers.consequences import ANNOVAR_TERMS, severity, worst
from model.readers.funcotation import funcotation_of
from model.readers.vcf_header import VcfHeader
from model.readers.vcf_record import VcfRecord

_ANN_FIELDS = ("Allele", "Consequence", "IMPACT", "SYMBOL")
"""SnpEff's ANN has one layout (VCF annotation format 1.0); these are VEP's names of its first fields."""
_ANNOVAR_GENES = ("refGene", "refGeneWithVer", "ensGene", "knownGene")

Entry = dict[str, str]


def annotations_of(record: VcfRecord, header: VcfHeader) -> list[tuple[str, str]]:
    """(gene, consequence) of each alternative, as the first annotator that is there says; `""` for unknown.

    For all of a line at once: an annotation may be as long as a line, and so may the list of alternatives.
    """
    if "ANN" in record.info:
        return _Entries(record, record.info["ANN"], _ANN_FIELDS).said()
    if "CSQ" in record.info:
        return _Entries(record, record.info["CSQ"], header.listed.get("CSQ", ())).said()
    if "BCSQ" in record.info:
        return bcsq_of(record)
    if "FUNCOTATION" in record.info:
        return funcotation_of(record, header.listed.get("FUNCOTATION", ()))
    return [_named_alone(record.info, alt) for alt in range(len(record.alts))]


def has_unread(record: VcfRecord, header: VcfHeader) -> bool:
    """Whether an annotation is there, by whichever annotator: asked where no gene and no consequence was found."""
    values = (record.info.get(key, "") for key in header.listed)
    return any("|" in value or value.startswith("@") for value in values)


class _Entries:
    """The entries of ANN or CSQ, found by the alternative that they name.

    `vep --pick` writes one entry a line: its gene holds for every alternative there, its consequence for one.
    """

    def __init__(self, record: VcfRecord, text: str, fields: tuple[str, ...]) -> None:
        self._names = [_allele_names(record, alt) for alt in range(len(record.alts))]
        every = set[str]().union(*self._names)
        self._by_name: dict[str, list[tuple[int, Entry]]] = {}
        self._by_number: dict[str, list[Entry]] = {}
        self._unnamed: list[Entry] = []
        self._entries = [dict(zip(fields, entry.split("|"), strict=False)) for entry in text.split(",")]
        for place, entry in enumerate(self._entries):
            self._by_name.setdefault(entry.get("Allele", ""), []).append((place, entry))
            if "ALLELE_NUM" in entry:
                self._by_number.setdefault(entry["ALLELE_NUM"], []).append(entry)
            elif entry.get("Allele", "") not in every:
                self._unnamed.append(entry)

    def said(self) -> list[tuple[str, str]]:
        """Of the entries of each alternative, else of those that name none of the line's (`deletion`)."""
        gene_alone = (_most_severe(self._entries).get("SYMBOL", ""), "")
        found = (self._of(alt) for alt in range(len(self._names)))
        chosen = (_most_severe(fitting) if fitting else None for fitting in found)
        return [
            gene_alone if one is None else (one.get("SYMBOL", ""), worst(one.get("Consequence", ""))) for one in chosen
        ]

    def _of(self, alt: int) -> list[Entry]:
        """By allele, then by number: a number alone may be of a line that was split since."""
        placed = [one for name in self._names[alt] for one in self._by_name.get(name, ())]
        named = [entry for _, entry in sorted(placed, key=lambda one: one[0])]
        number = str(alt + 1)
        numbered = [e for e in named if e.get("ALLELE_NUM") == number] if named else self._by_number.get(number, [])
        return numbered or named or self._unnamed


def _most_severe(entries: list[Entry]) -> Entry:
    return min(entries, key=lambda entry: severity(worst(entry.get("Consequence", ""))))


def _allele_names(record: VcfRecord, alt: int) -> set[str]:
    """An alternative as VCF writes it, and as VEP does: without the first base where all alleles share it."""
    own = record.alts[alt]
    shared = all(len(other) > 0 and other[0] == record.ref[0] for other in record.alts)
    return {own, own[1:] or "-"} if shared else {own}


def _named_alone(info: dict[str, str], alt: int) -> tuple[str, str]:
    def said(key: str) -> str:
        return info.get(f"{key}#{alt}", info.get(key, ""))

    source = next((name for name in _ANNOVAR_GENES if said(f"Gene.{name}")), "refGene")
    gene = said("GENE") or said(f"Gene.{source}") or said("GENEINFO").partition(":")[0]
    first = gene.replace("\\x3b", ",").split(",")[0]
    for key in (f"ExonicFunc.{source}", f"Func.{source}"):
        term = ANNOVAR_TERMS.get(said(key).replace("\\x20", "_").split("\\x3b")[0], "")
        if term:
            return _known(first), term
    return _known(first), ""


def _known(gene: str) -> str:
    return "" if gene in (".", "NONE", "Unknown") else gene
