"""The header of a VCF: its definitions, its samples, and which sample is the tumour's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from model.readers.text_lines import unreadable
from model.readers.vcf_meta import Definition, definition, structured

_VERSION = re.compile(r"##fileformat=VCFv4\.\d+\s*")
_COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
_TUMOUR = re.compile(r"(?<![a-z])(?:tumou?r|tum)(?![a-z])", re.IGNORECASE)
_NORMAL = re.compile(r"(?<![a-z])(?:normal|germline|non[\W_]*tumou?r)(?![a-z])", re.IGNORECASE)
_BLOOD = re.compile(r"(?<![a-z])blood(?![a-z])", re.IGNORECASE)
"""A normal's as a rule; a tumour's where the name says that too."""
_MAX_META_LINES = 200_000
_MAX_META_TEXT = 2**26
"""Characters of all meta lines: definitions stay in memory while the body is read."""
MAX_SAMPLES = 10_000
_MAX_FIELDS = 10_000
"""Of one annotation: they are looked through for every line."""


@dataclass(frozen=True)
class VcfHeader:
    """What the body of a VCF is read by."""

    infos: dict[str, Definition]
    formats: dict[str, Definition]
    samples: tuple[str, ...]
    tumour: str
    """The sample that `##tumor_sample` names; `""` where it names none."""
    normal: str

    @cached_property
    def listed(self) -> dict[str, tuple[str, ...]]:
        """By INFO key, the fields that its description lists; `()` of a list that starts with no mark that we know."""
        each = ((key, known.description, _fields_in(known.description)) for key, known in self.infos.items())
        return {key: fields for key, description, fields in each if fields or description.count("|") > 1}

    @property
    def width(self) -> int:
        """Columns of every line of the body."""
        return len(_COLUMNS) + (1 + len(self.samples) if self.samples else 0)

    def sample_of(self, specimen: str) -> tuple[int, bool]:
        """Index of the sample to read, and whether that is a guess; -1 where there are no samples.

        The tumour sample named by the caller, else the event's specimen, else the last one called tumour, else the
        last that is not called normal: a guess where several are left.
        """
        names = self.samples
        for fits in (lambda name: name == self.tumour, lambda name: name == specimen, self._is_called_tumour):
            found = [index for index, name in enumerate(names) if fits(name)]
            if len(found) == 1:
                return found[0], False
        left = found or [
            i for i, name in enumerate(names) if not self._is_called_normal(name) and not _BLOOD.search(name)
        ]
        return (left or [len(names) - 1])[-1], len(left) > 1 or (not left and len(names) > 1)

    def _is_called_tumour(self, name: str) -> bool:
        return _TUMOUR.search(name) is not None and not self._is_called_normal(name)

    def _is_called_normal(self, name: str) -> bool:
        return name == self.normal or _NORMAL.search(name) is not None


def _fields_in(description: str) -> tuple[str, ...]:
    """What comes after `Format:` (VEP, bcftools) or `fields are:` (Funcotator); none where neither is there."""
    for mark in ("Format:", "fields are:"):
        if mark in description and description.count("|") < _MAX_FIELDS:
            return tuple(description.split(mark)[1].strip(' "').split("|"))
    return ()


def read_header(lines: Iterator[tuple[int, str]]) -> VcfHeader:
    """Read up to and including the `#CHROM` line; Refused where a line of it breaks the specification."""
    number, first = next(lines, (1, ""))
    if not _VERSION.fullmatch(first):
        raise unreadable(number, "not ##fileformat=VCFv4.x, so this is no VCF 4 file")
    definitions: dict[str, dict[str, Definition]] = {"INFO": {}, "FORMAT": {}}
    named: dict[str, str] = {}
    text = 0
    for number, line in lines:
        if not line.startswith("##"):
            samples = _samples(number, line)
            tumour, normal = named.get("tumor_sample", ""), named.get("normal_sample", "")
            return VcfHeader(definitions["INFO"], definitions["FORMAT"], samples, tumour, normal)
        text += len(line)
        if number > _MAX_META_LINES or text > _MAX_META_TEXT:
            raise unreadable(number, f"more than {_MAX_META_LINES} meta lines, or {_MAX_META_TEXT} characters of them")
        kind, items = structured(number, line)
        if kind in definitions:
            definitions[kind][items.get("ID", "")] = definition(number, kind, items)
        if kind in ("tumor_sample", "normal_sample"):
            named[kind] = line.partition("=")[2].strip()
    raise unreadable(number, "the file ends without a #CHROM line")


def _samples(number: int, line: str) -> tuple[str, ...]:
    columns = line.split("\t")
    if columns[:8] != _COLUMNS:
        raise unreadable(number, "neither a meta line (##key=value) nor #CHROM POS ID REF ALT QUAL FILTER INFO")
    samples = columns[9:]
    if len(columns) > 8 and (columns[8] != "FORMAT" or not samples):
        raise unreadable(number, "a ninth column that is not FORMAT, or FORMAT without a sample")
    if len(set(samples)) != len(samples) or "" in samples:
        raise unreadable(number, "sample names that are empty or not unique")
    if len(samples) > MAX_SAMPLES:
        raise unreadable(number, f"more than {MAX_SAMPLES} samples")
    return tuple(samples)
