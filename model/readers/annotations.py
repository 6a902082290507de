"""Gene and consequence of a variant, from the INFO of whichever annotator wrote it."""

from model.readers.consequences import ANNOVAR_TERMS, severity, worst
from model.readers.vcf_header import VcfHeader
from model.readers.vcf_record import VcfRecord

_ANN_FIELDS = ("Allele", "Consequence", "IMPACT", "SYMBOL")
"""SnpEff's ANN has one layout (VCF annotation format 1.0); these are VEP's names of its first fields."""


def annotation_of(record: VcfRecord, alt: int, header: VcfHeader) -> tuple[str, str]:
    """(gene, consequence) of alternative `alt`: SnpEff's ANN, VEP's CSQ, else a gene named alone; `""` for unknown."""
    if "ANN" in record.info:
        return _most_severe(_entries(record.info["ANN"], _ANN_FIELDS), record, alt)
    if "CSQ" in record.info:
        return _most_severe(_entries(record.info["CSQ"], vep_fields(header)), record, alt)
    return _named_alone(record.info, alt)


def vep_fields(header: VcfHeader) -> tuple[str, ...]:
    """The fields of CSQ as the header names them after `Format:`; none where it does not."""
    known = header.infos.get("CSQ")
    if known is None or "Format:" not in known.description:
        return ()
    return tuple(known.description.split("Format:")[1].strip(' "').split("|"))


def _entries(text: str, fields: tuple[str, ...]) -> list[dict[str, str]]:
    return [dict(zip(fields, entry.split("|"), strict=False)) for entry in text.split(",")]


def _most_severe(entries: list[dict[str, str]], record: VcfRecord, alt: int) -> tuple[str, str]:
    """Of the entries of this alternative, else of those that name none of the line's (`deletion`).

    `vep --pick` writes one entry a line: its gene holds for every alternative there, its consequence for one.
    """
    fitting = _entries_of(entries, record, alt)
    chosen = min(fitting or entries, key=lambda entry: severity(worst(entry.get("Consequence", ""))))
    return chosen.get("SYMBOL", ""), worst(chosen.get("Consequence", "")) if fitting else ""


def _entries_of(entries: list[dict[str, str]], record: VcfRecord, alt: int) -> list[dict[str, str]]:
    """By allele, then by number: a number alone may be of a line that was split since."""
    names = [_allele_names(record, place) for place in range(len(record.alts))]
    named = [entry for entry in entries if entry.get("Allele", "") in names[alt]]
    numbered = [entry for entry in named or entries if entry.get("ALLELE_NUM") == str(alt + 1)]
    every = set[str]().union(*names)
    unnamed = (e for e in entries if "ALLELE_NUM" not in e and e.get("Allele", "") not in every)
    return numbered or named or list(unnamed)


def _allele_names(record: VcfRecord, alt: int) -> set[str]:
    """An alternative as VCF writes it, and as VEP does: without the first base where all alleles share it."""
    own = record.alts[alt]
    shared = all(len(other) > 0 and other[0] == record.ref[0] for other in record.alts)
    return {own, own[1:] or "-"} if shared else {own}


def _named_alone(info: dict[str, str], alt: int) -> tuple[str, str]:
    def said(key: str) -> str:
        return info.get(f"{key}#{alt}", info.get(key, ""))

    gene = said("GENE") or said("Gene.refGene") or said("GENEINFO").partition(":")[0]
    first = gene.replace("\\x3b", ",").split(",")[0]
    for key in ("ExonicFunc.refGene", "Func.refGene"):
        term = ANNOVAR_TERMS.get(said(key).replace("\\x20", "_").split("\\x3b")[0], "")
        if term:
            return _known(first), term
    return _known(first), ""


def _known(gene: str) -> str:
    return "" if gene in (".", "NONE", "Unknown") else gene
