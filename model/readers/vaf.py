"""Reads with and without a variant, from the fields in which each caller really writes them."""

from collections.abc import Callable
from dataclasses import dataclass

from model.readers.vcf_record import VcfRecord

_MAX_DIGITS = 9


@dataclass(frozen=True)
class Reads:
    """What was counted for one alternative; None where the caller does not say."""

    mutant: int | None = None
    depth: int | None = None
    vaf: float | None = None


def reads_of(record: VcfRecord, alt: int) -> Reads:
    """The reads of alternative `alt` (from 0) in the record's sample: counts first, then fractions, then INFO."""
    depth = _depth(record)
    for counted in _COUNTS:
        pair = counted(record, alt)
        if pair is not None:
            mutant, covered = pair
            vaf = min(mutant / covered, 1.0) if covered else _fraction(record, alt)
            return Reads(mutant, depth if depth is not None else covered, vaf)
    vaf = _fraction(record, alt)
    return Reads(0 if vaf == 0 else None, depth, vaf)


def _strelka_snv(record: VcfRecord, alt: int) -> tuple[int, int] | None:
    """Strelka2: {base}U are read counts of tiers 1 and 2; its guide takes alt / (alt + ref) of tier 1."""
    mutant = _ints(record.sample.get(f"{record.alts[alt].upper()}U"))
    reference = _ints(record.sample.get(f"{record.ref.upper()}U"))
    return (mutant[0], mutant[0] + reference[0]) if mutant and reference else None


def _strelka_indel(record: VcfRecord, alt: int) -> tuple[int, int] | None:
    """Strelka2: TIR are reads with the indel, TAR with another allele, of tiers 1 and 2."""
    mutant, other = _ints(record.sample.get("TIR")), _ints(record.sample.get("TAR"))
    return (mutant[0], mutant[0] + other[0]) if mutant and other and alt == 0 else None


def _allelic_depth(record: VcfRecord, alt: int) -> tuple[int, int] | None:
    """GATK, Mutect2, VarDict, DeepVariant: AD is the reference's reads and each alternative's."""
    counts = _ints(record.sample.get("AD"))
    return (counts[alt + 1], sum(counts)) if counts and len(counts) == len(record.alts) + 1 else None


def _varscan(record: VcfRecord, alt: int) -> tuple[int, int] | None:
    """VarScan: AD is the alternative's reads alone, and RD the reference's."""
    mutant, reference = _ints(record.sample.get("AD")), _ints(record.sample.get("RD"))
    return (mutant[0], mutant[0] + reference[0]) if len(mutant) == len(reference) == 1 and alt == 0 else None


def _freebayes(record: VcfRecord, alt: int) -> tuple[int, int] | None:
    """FreeBayes, Torrent Variant Caller: RO reads of the reference, AO of each alternative."""
    reference, mutants = _ints(record.sample.get("RO")), _ints(record.sample.get("AO"))
    if len(reference) != 1 or len(mutants) != len(record.alts):
        return None
    return mutants[alt], reference[0] + sum(mutants)


def _platypus(record: VcfRecord, alt: int) -> tuple[int, int] | None:
    """Platypus: NV reads with each alternative, of the NR reads there."""
    covered, mutants = _ints(record.sample.get("NR")), _ints(record.sample.get("NV"))
    whole = len(covered) == len(mutants) == len(record.alts)
    return (mutants[alt], covered[alt]) if whole else None


def _four_strands(record: VcfRecord, alt: int) -> tuple[int, int] | None:
    """LoFreq, samtools: DP4 is reference and alternative, each forward and reverse."""
    text = record.sample.get("DP4") or (record.info.get("DP4") if record.samples <= 1 else None)
    counts = _ints(text)
    return (counts[2] + counts[3], sum(counts)) if len(counts) == 4 and len(record.alts) == 1 and alt == 0 else None


_COUNTS: tuple[Callable[[VcfRecord, int], tuple[int, int] | None], ...] = (
    _strelka_snv,
    _strelka_indel,
    _allelic_depth,
    _varscan,
    _freebayes,
    _platypus,
    _four_strands,
)


def _depth(record: VcfRecord) -> int | None:
    """DP of the sample; of INFO only where it cannot be the sum over several samples."""
    found = _ints(record.sample.get("DP")) or (_ints(record.info.get("DP")) if record.samples <= 1 else [])
    return found[0] if found else None


def _fraction(record: VcfRecord, alt: int) -> float | None:
    """AF, FA (Mutect 1), VAF (DeepVariant), VF (Pisces), FREQ (VarScan, `12.5%`); INFO AF where no AN is beside it."""
    of_all = record.info.get("AF") if record.samples <= 1 and "AN" not in record.info else None
    for text in (*map(record.sample.get, ("AF", "FA", "VAF", "VF", "FREQ")), of_all):
        values = (text or "").split(",")
        one = values[alt] if alt < len(values) else ""
        value = _float(one.removesuffix("%"))
        value = value / 100 if value is not None and one.endswith("%") else value
        if value is not None and 0 <= value <= 1:
            return value
    return None


def _ints(text: str | None) -> list[int]:
    """Counts in a list; none of them where one is missing or no count."""
    if not text:
        return []
    values = text.split(",")
    whole = all(value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS for value in values)
    return [int(value) for value in values] if whole else []


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
