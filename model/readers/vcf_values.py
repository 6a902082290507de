"""Values in the body of a VCF, held against their definitions: how many of them, and of what type."""

import re
from math import comb

from model.readers.text_lines import unreadable
from model.readers.vcf_meta import Definition

_FLOAT = r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity|nan))"
_AMOUNT = r"\+?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_TYPES = {"Integer": re.compile(r"[+-]?\d+"), "Float": re.compile(_FLOAT), "Character": re.compile(r".")}
_GENOTYPE = re.compile(r"[/|]?(?:\.|\d{1,6})(?:[/|](?:\.|\d{1,6}))*")
_KEY = re.compile(r"[^\s=]+")

_COUNT = re.compile(r"\d+(?:,\d+)*")
_SWITCH = re.compile(r"[01]?")
_RESERVED_INFO = {
    **dict.fromkeys(("AC", "AN", "DP", "END", "MQ0", "NS"), _COUNT),
    **dict.fromkeys(("DB", "H2", "H3", "SOMATIC", "VALIDATED", "1000G"), _SWITCH),
    "AA": re.compile(r"[^,]*"),
    "AF": re.compile(rf"{_AMOUNT}(?:,{_AMOUNT})*"),
    "BQ": re.compile(_FLOAT),
    "CIGAR": re.compile(r"(?:\d+[MIDNSHPX=])+(?:,(?:\d+[MIDNSHPX=])+)*"),
}
"""What the specification says of these keys, whether or not the header defines them."""
_RESERVED_FORMAT = {"PL": Definition("G", "Integer", "")}


def read_info(number: int, text: str, definitions: dict[str, Definition]) -> dict[str, str]:
    """INFO as key to value; `""` for a flag. Refused where a value breaks its definition.

    ANNOVAR says its keys again for each further alternative, after an ALLELE_END: those of alternative 1 are `key#1`.
    """
    info: dict[str, str] = {}
    ended = 0
    for item in text.split(";"):
        key, _, value = item.partition("=")
        if item in ("", "."):
            continue
        if not _KEY.fullmatch(key):
            raise unreadable(number, "an INFO key that is empty or holds white space")
        reserved = _RESERVED_INFO.get(key)
        if reserved is not None and value != "." and not reserved.fullmatch(value.replace(".,", "").replace(",.", "")):
            raise unreadable(number, "an INFO value that VCF does not allow for a reserved key")
        if key in definitions:
            _check_info(number, value, definitions[key])
        info[f"{key}#{ended}" if ended and key in info else key] = value
        ended += key == "ALLELE_END"
    return info


def read_sample(
    number: int, keys: list[str], text: str, definitions: dict[str, Definition], alts: int
) -> dict[str, str]:
    """One sample's FORMAT keys to values, those left off at the end absent. Refused where one breaks its definition."""
    values = text.split(":")
    if len(values) > len(keys):
        raise unreadable(number, "a sample with more fields than FORMAT names")
    sample = dict(zip(keys, values, strict=False))
    genotype = sample.get("GT", "./.")
    if not _GENOTYPE.fullmatch(genotype) or (alts and max(alleles_of(genotype), default=0) > alts):
        raise unreadable(number, "a genotype that is malformed, or names an allele that is not there")
    ploidy = 0 if genotype == "." else len(re.findall(r"[\d.]+", genotype))  # a lone dot does not say it
    for key, value in sample.items():
        known = definitions.get(key) or _RESERVED_FORMAT.get(key)
        if known is not None and value not in ("", ".") and alts:
            _check(number, value, known, _expected(known.number, alts, ploidy))
    return sample


def alleles_of(genotype: str) -> list[int]:
    """Indices of the alleles called in a GT value: 0 is the reference."""
    return [int(allele) for allele in re.findall(r"\d+", genotype)]


def _check_info(number: int, value: str, known: Definition) -> None:
    """Counts in INFO are held only where they are a number: annotators (SnpSift) write A for one a transcript."""
    if known.type == "Flag":
        if known.number == "0" and not _SWITCH.fullmatch(value):
            raise unreadable(number, "an INFO flag with a value")
        return
    _check(number, value, known, int(known.number) if known.number.isdigit() else None)


def _check(number: int, value: str, known: Definition, expected: int | None) -> None:
    """Strings are let be: GATK itself writes several, with commas, where it defined one (AS_SB_TABLE)."""
    pattern = _TYPES.get(known.type)
    if pattern is None or value == ".":
        return
    values = value.split(",")
    if expected is not None and len(values) != expected:
        raise unreadable(number, "another count of values than the header defines")
    if not all(one == "." or pattern.fullmatch(one) for one in values):
        raise unreadable(number, "a value of another type than the header defines")


def _expected(number: str, alts: int, ploidy: int) -> int | None:
    if number.isdigit():
        return int(number)
    by_letter = {"A": alts, "R": alts + 1, "G": comb(alts + ploidy, ploidy) if 0 < ploidy <= 16 else None}
    return by_letter.get(number)
