"""Variants of one specimen from a MAF (GDC Mutation Annotation Format): plain, gzip or BGZF, row by row."""

import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from model.readers.chromosomes import change_at
from model.readers.consequences import MAF_TERMS
from model.readers.text_lines import numbered_lines, unreadable
from model.readers.variants import MostTelling, Variants
from schemas.errors import Reason, Refused
from schemas.tokens import VariantToken

_REQUIRED = (
    "hugo_symbol",
    "chromosome",
    "start_position",
    "variant_classification",
    "reference_allele",
    "tumor_seq_allele2",
    "tumor_sample_barcode",
)
_FRACTIONS = (("t_vaf", 1.0), ("tumor_f", 1.0), ("i_tumorvaf_wu", 100.0))
"""Columns of allele fractions, and what 1 is in each (WU writes percent)."""
_MISSING = {"", ".", "NA", "NaN", "nan", "--", "Unknown"}

Row = dict[str, str]


def read_maf(path: Path, *, at: datetime, assay: str, specimen: str, max_variants: int = 256) -> Variants:
    """The most telling variants of the specimen: its rows, or all rows where the file has one barcode alone.

    Refused (`two-patients`) where there are several barcodes and none of them is the specimen. Flagged
    `annotation-unread` where a classification is none that we know.
    """
    own, other, barcodes, unread = MostTelling(max_variants), MostTelling(max_variants), set[str](), set[str]()
    for number, row in _rows(path):
        barcode = row["tumor_sample_barcode"]
        if not barcode:
            raise unreadable(number, "an empty Tumor_Sample_Barcode")
        if len(barcodes) < 2:
            barcodes.add(barcode)
        if barcode == specimen or len(barcodes) == 1:
            kept = own if barcode == specimen else other
            token = _token(number, row, at, assay)
            kept.add(token)
            if not token.consequence and _text(row, "variant_classification"):
                unread.add(barcode)
    if own.seen or not barcodes:
        return own.variants(("annotation-unread",) if specimen in unread else ())
    if len(barcodes) == 1:
        return other.variants(("sample-assumed", *(("annotation-unread",) if unread else ())))
    raise Refused(
        Reason.TWO_PATIENTS,
        "the MAF has several Tumor_Sample_Barcode and none is the event's specimen; "
        "send one file a specimen, or name the specimen as the file does",
    )


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    columns: list[str] = []
    number = 1
    for number, line in numbered_lines(path):
        if not line or line.startswith("#"):
            continue
        values = line.split("\t")
        if not columns:
            columns = [name.strip().casefold() for name in values]
            _check_columns(number, columns)
        elif len(values) != len(columns):
            raise unreadable(number, f"{len(values)} columns where the header has {len(columns)}")
        else:
            yield number, dict(zip(columns, values, strict=True))
    if not columns:
        raise unreadable(number, "the file ends without a header of columns")


def _check_columns(number: int, columns: list[str]) -> None:
    missing = [name for name in _REQUIRED if name not in columns]
    if missing or len(set(columns)) != len(columns):
        raise unreadable(number, f"a header with a column twice, or without {', '.join(missing) or 'none'}")


def _token(number: int, row: Row, at: datetime, assay: str) -> VariantToken:
    mutant, depth = _count(number, row, "t_alt_count"), _count(number, row, "t_depth")
    reference = _count(number, row, "t_ref_count")
    if depth is None and mutant is not None and reference is not None:
        depth = mutant + reference
    vaf = min(mutant / depth, 1.0) if mutant is not None and depth else _fraction(number, row)
    return VariantToken(
        gene=_text(row, "hugo_symbol"),
        change=_change(row),
        consequence=MAF_TERMS.get(row["variant_classification"], ""),
        vaf=vaf,
        depth=depth,
        mutant_reads=mutant,
        assay=assay,
        at=at,
        flags=() if _text(row, "filter") in ("", "PASS") else ("filtered",),
    )


def _change(row: Row) -> str:
    """The protein change where there is one (`KRAS:p.G12D`), else the genomic one as a VCF would name it."""
    protein = _text(row, "hgvsp_short") or _text(row, "protein_change")
    if protein and _text(row, "hugo_symbol"):
        return f"{row['hugo_symbol']}:{protein}"
    reference, alternative = row["reference_allele"], row["tumor_seq_allele2"]
    if alternative == reference:  # the mutant one may be the first
        alternative = _text(row, "tumor_seq_allele1") or alternative
    return change_at(row["chromosome"], row["start_position"], reference, alternative)


def _text(row: Row, column: str) -> str:
    text = row.get(column, "").strip()
    return "" if text in _MISSING else text


def _count(number: int, row: Row, column: str) -> int | None:
    text = _text(row, column)
    if not text:
        return None
    text = text.removesuffix(".0")  # as pandas writes the counts of a column that has gaps
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise unreadable(number, f"{column} is not a count of reads")
    return int(text)


def _fraction(number: int, row: Row) -> float | None:
    for column, one in _FRACTIONS:
        text = _text(row, column)
        if not text:
            continue
        try:
            value = float(text) / one
        except ValueError as error:
            raise unreadable(number, f"{column} is not a number") from error
        if not (math.isfinite(value) and 0 <= value <= 1):
            raise unreadable(number, f"{column} is not between 0 and {one:g}")
        return value
    return None
