"""Variants of one sample from a VCF: plain, gzip or BGZF, one line in memory at a time.

Read by our own single pass and not by htslib, which accepts most of what the specification forbids (and tells
stderr about the rest); tests hold this reader against pysam record by record.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from model.readers.annotations import annotations_of, has_unread
from model.readers.chromosomes import change_at
from model.readers.text_lines import numbered_lines
from model.readers.vaf import Reads, reads_of
from model.readers.variants import MostTelling, Variants
from model.readers.vcf_header import VcfHeader, read_header
from model.readers.vcf_record import EarlierLines, VcfRecord, read_record
from model.readers.vcf_values import alleles_of
from schemas.tokens import VariantToken

_NOT_VARIANTS = {"*", "<*>", "<NON_REF>", "<X>"}
"""Reference blocks, and alleles that a deletion elsewhere takes away."""
_MISSING = frozenset("./|,")
"""Characters of values that are not there: `.`, `./.`, `.,.`."""


def read_vcf(path: Path, *, at: datetime, assay: str, specimen: str = "", max_variants: int = 256) -> Variants:
    """The most telling variants of the tumour sample, or of the sample named `specimen`, or of the last one.

    Refused, with the line number, where the file breaks the specification in a way that is not listed in
    `docs/evidence/vcf-tolerated.md`. In ctDNA a named variant without a read is kept: its zero is a measurement.
    Flagged `annotation-unread` where a variant has an annotation of which neither gene nor consequence is read.
    """
    lines = numbered_lines(path)
    header = read_header(lines)
    sample, guessed = header.sample_of(specimen)
    kept, unread = MostTelling(max_variants), False
    for record in _records(lines, header, sample):
        for token in _tokens(record, header, at, assay):
            kept.add(token)
            silent = not token.gene and not token.consequence
            unread = unread or (silent and has_unread(record, header))
    flags = {"sample-assumed": guessed, "annotation-unread": unread}
    return kept.variants(flag for flag, holds in flags.items() if holds)


def _records(lines: Iterator[tuple[int, str]], header: VcfHeader, sample: int) -> Iterator[VcfRecord]:
    earlier = EarlierLines()
    for number, line in lines:
        if line:
            record = read_record(number, line, header, sample)
            earlier.check(number, record)
            yield record


def _tokens(record: VcfRecord, header: VcfHeader, at: datetime, assay: str) -> Iterator[VariantToken]:
    named = [alt for alt, name in enumerate(record.alts) if name not in _NOT_VARIANTS]
    counted = {alt: reads_of(record, alt) for alt in named}
    told = [
        (alt, reads)
        for alt, reads in counted.items()
        if _carried(record, alt, reads) or (assay == "ctdna" and reads.mutant == 0)
    ]
    said = annotations_of(record, header) if told else []
    for alt, reads in told:
        yield VariantToken(
            gene=said[alt][0],
            change=change_at(record.chrom, record.pos, record.ref, record.alts[alt]),
            consequence=said[alt][1],
            vaf=reads.vaf,
            depth=reads.depth,
            mutant_reads=reads.mutant,
            assay=assay,
            at=at,
            flags=() if record.passed else ("filtered",),
        )


def _carried(record: VcfRecord, alt: int, reads: Reads) -> bool:
    """Whether the sample has this alternative: by its genotype where one is called, and by its reads in any case.

    Where neither is said, as in many callers' own fields, the line is the sample's if it says anything of it at all:
    what only other samples have stands as `./.:.:.` in this one, once files are merged.
    """
    called = alleles_of(record.sample.get("GT", ""))
    if reads.mutant:
        return True
    if called:
        return alt + 1 in called
    return reads.mutant is None and (reads.vaf is not None or not _is_silent(record.sample))


def _is_silent(sample: dict[str, str]) -> bool:
    """Whether there is a sample, and all of its values are missing."""
    return bool(sample) and all(_MISSING.issuperset(value) for value in sample.values())
