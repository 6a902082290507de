"""Gene and consequence of a variant, from the INFO of whichever annotator wrote it."""

import re

from model.readers.consequences import ANNOVAR_TERMS, BCFTOOLS_TERMS, FUNCOTATOR_TERMS, severity, worst
from model.readers.vcf_header import VcfHeader
from model.readers.vcf_record import VcfRecord

_ANN_FIELDS = ("Allele", "Consequence", "IMPACT", "SYMBOL")
"""SnpEff's ANN has one layout (VCF annotation format 1.0); these are VEP's names of its first fields."""
_BCSQ_FIELDS = ("Consequence", "SYMBOL", "transcript", "biotype", "strand", "amino_acid_change", "dna_change")
_GENCODE = re.compile(r"Gencode_\w+?_(hugoSymbol|variantClassification)")
_ANNOVAR_GENES = ("refGene", "refGeneWithVer", "ensGene", "knownGene")
_PIPED = re.compile(r"\w+\s*\|\s*\w+\s*\|\s*\w+")
"""A list of fields in a description, as every annotator writes one."""


def annotation_of(record: VcfRecord, alt: int, header: VcfHeader) -> tuple[str, str]:
    """(gene, consequence) of alternative `alt`: as the first annotator that is there says; `""` for unknown."""
    if "ANN" in record.info:
        return _most_severe(_entries(record.info["ANN"], _ANN_FIELDS), record, alt)
    if "CSQ" in record.info:
        return _most_severe(_entries(record.info["CSQ"], vep_fields(header)), record, alt)
    if "BCSQ" in record.info:
        return _bcsq(record, alt)
    if "FUNCOTATION" in record.info:
        return _funcotation(record.info["FUNCOTATION"], alt, header)
    return _named_alone(record.info, alt)


def piped_infos(header: VcfHeader) -> frozenset[str]:
    """The INFO keys whose description lists fields: annotations, of whichever annotator."""
    return frozenset(key for key, known in header.infos.items() if _PIPED.search(known.description))


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


def _bcsq(record: VcfRecord, alt: int) -> tuple[str, str]:
    """bcftools csq: no allele but in the DNA change, `*` before what lies behind a stop, and `@` for another line.

    What is behind a stop is told as it is alone, as the other annotators do. What another line tells of several
    variants together is not looked up: it may come later in the file.
    """
    told = ",".join(entry for entry in record.info["BCSQ"].split(",") if not entry.startswith("@"))
    entries = _entries(told, _BCSQ_FIELDS)
    own = f"{record.pos}{record.ref}>{record.alts[alt]}"
    if len(record.alts) > 1:
        fitting = [entry for entry in entries if own in entry.get("dna_change", "").split("+")]
    else:
        fitting = entries
    for entry in entries:
        terms = entry.get("Consequence", "").removeprefix("*").split("&")
        entry["Consequence"] = "&".join(BCFTOOLS_TERMS.get(term, "") for term in terms)
    chosen = min(fitting or entries, key=lambda entry: severity(worst(entry["Consequence"])))
    return _known(chosen.get("SYMBOL", "")), worst(chosen["Consequence"]) if fitting else ""


def _funcotation(text: str, alt: int, header: VcfHeader) -> tuple[str, str]:
    """Funcotator: `[a|b|...]` an alternative, `#` between its transcripts; the header says which fields are which."""
    known = header.infos.get("FUNCOTATION")
    listed = known.description.partition("fields are:")[2].strip(' "').split("|") if known is not None else []
    names = {found[1]: place for place, field in enumerate(listed) if (found := _GENCODE.fullmatch(field))}
    alternatives = text.split(",")
    if len(names) < 2 or alt >= len(alternatives):
        return "", ""
    said = list[tuple[str, str]]()
    for transcript in alternatives[alt].split("#"):
        fields = transcript.strip("[]").split("|")
        if len(fields) == len(listed):
            term = FUNCOTATOR_TERMS.get(fields[names["variantClassification"]], "")
            said.append((_known(fields[names["hugoSymbol"]]), term))
    return min(said, key=lambda pair: severity(pair[1]), default=("", ""))


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
