"""FUNCOTATION, the annotation of GATK's Funcotator: `[a|b|...]` an alternative, `#` between its transcripts."""

from model.readers.consequences import FUNCOTATOR_TERMS, severity
from model.readers.vcf_record import VcfRecord


def funcotation_of(record: VcfRecord, fields: tuple[str, ...]) -> list[tuple[str, str]]:
    """(gene, consequence) of each alternative, by the fields that the header lists."""
    texts = record.info["FUNCOTATION"].split(",")
    gene, classification = _place(fields, "_hugoSymbol"), _place(fields, "_variantClassification")
    if gene < 0 or classification < 0 or len(texts) != len(record.alts):
        return [("", "")] * len(record.alts)
    said = []
    for text in texts:
        transcripts = [one.strip("[]").split("|") for one in text.split("#")]
        whole = [one for one in transcripts if len(one) == len(fields)]
        told = ((_known(one[gene]), FUNCOTATOR_TERMS.get(one[classification], "")) for one in whole)
        said.append(min(told, key=lambda pair: severity(pair[1]), default=("", "")))
    return said


def _place(fields: tuple[str, ...], end: str) -> int:
    return next((at for at, name in enumerate(fields) if name.startswith("Gencode_") and name.endswith(end)), -1)


def _known(gene: str) -> str:
    return "" if gene == "Unknown" else gene
