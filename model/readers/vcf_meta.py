"""Meta lines of a VCF header: their syntax, and the definitions that the specification reserves."""

import re
from dataclasses import dataclass

from model.readers.text_lines import unreadable


@dataclass(frozen=True)
class Definition:
    """What an INFO or FORMAT line says of one key."""

    number: str
    type: str
    description: str


_STRUCTURED = ("INFO", "FORMAT", "FILTER", "ALT", "contig", "PEDIGREE")
_ITEM = re.compile(r'\s*([\w.\-]+)=("(?:[^"\\]|\\.)*"|[^",<>][^,<>]*|)(?:,|$)')
_NUMBER = re.compile(r"\d{1,4}|[AGR.]|L[AGR]|[PM]")
_TYPES = {"Integer", "Float", "Character", "String"}
_ORDER = ("ID", "Number", "Type", "Description")

# (Number, Type) that each key must have; more than one where callers in wide use differ from the specification:
# FreeBayes GQ Float; Platypus GL, GQ and MQ with Number '.'; LoFreq AF with Number 1; VarDict FORMAT MQ Float.
RESERVED: dict[str, dict[str, tuple[str, str]]] = {
    "FORMAT": {
        "DP": ("1", "Integer"),
        "EC": ("A", "Integer"),
        "FT": ("1 .", "String"),
        "GL": ("G . 3", "Float"),
        "GLE": ("G", "String"),
        "GP": ("G . 3", "Float"),
        "GQ": ("1 .", "Integer Float"),
        "GT": ("1", "String"),
        "HQ": ("2", "Integer"),
        "MQ": ("1", "Integer Float"),
        "PL": ("G .", "Integer"),
        "PQ": ("1", "Integer"),
        "PS": ("1", "Integer String"),
    },
    "INFO": {
        "AA": ("1", "String"),
        "AC": ("A .", "Integer"),
        "AF": ("A . 1", "Float"),
        "AN": ("1", "Integer"),
        "BQ": ("1", "Float"),
        "CIGAR": ("A .", "String"),
        "DB": ("0", "Flag"),
        "DP": ("1", "Integer"),
        "END": ("1", "Integer"),
        "H2": ("0", "Flag"),
        "H3": ("0", "Flag"),
        "MQ": ("1 .", "Integer Float"),
        "MQ0": ("1", "Integer"),
        "NS": ("1", "Integer"),
        "SOMATIC": ("0", "Flag"),
        "VALIDATED": ("0", "Flag"),
        "1000G": ("0", "Flag"),
    },
}


def structured(number: int, line: str) -> tuple[str, dict[str, str]]:
    """The kind of a meta line and its items; no items where its kind has no structure. Refused where it breaks it."""
    kind, _, content = line[2:].partition("=")
    if not kind.strip() or not content.strip() or content.strip() == "<>":
        raise unreadable(number, "a meta line that is not ##key=value")
    if kind not in _STRUCTURED:
        return kind, {}
    items = _items(number, content.strip())
    _check_items(number, kind, items)
    return kind, items


def definition(number: int, kind: str, items: dict[str, str]) -> Definition:
    """The definition in an INFO or FORMAT line; Refused where it contradicts the one that VCF reserves."""
    missing = [key for key in ("ID", "Number", "Type") if key not in items]
    if missing:
        raise unreadable(number, f"a {kind} definition without {' and '.join(missing)}")
    numbers, types = RESERVED[kind].get(items["ID"], (items["Number"], items["Type"]))
    if items["Number"] not in numbers.split() or items["Type"] not in types.split():
        raise unreadable(number, f"a key that VCF reserves, with another Number or Type (it has {numbers}, {types})")
    return Definition(items["Number"], items["Type"], items.get("Description", ""))


def _items(number: int, content: str) -> dict[str, str]:
    if not (content.startswith("<") and content.endswith(">")):
        raise unreadable(number, "a meta line that does not open with < and close with >")
    inner, items, at = content[1:-1], dict[str, str](), 0
    while at < len(inner):
        found = _ITEM.match(inner, at)
        if found is None:
            raise unreadable(number, "a meta line with a field that is not key=value, or a quote left open")
        items[found[1]] = found[2]
        at = found.end()
    return items


def _check_items(number: int, kind: str, items: dict[str, str]) -> None:
    typed = kind in ("INFO", "FORMAT", "ALT")
    types = _TYPES | {"Flag"} if kind == "INFO" else _TYPES
    known = [key for key in items if key in _ORDER]
    rules = (
        (kind == "PEDIGREE" or items.get("ID", "") != "", "a meta line without an ID"),
        (not re.search(r"\s", items.get("ID", "")), "an ID with white space"),
        ("Description" not in items or items["Description"].startswith('"'), "a Description without quotes"),
        (not typed or "Number" not in items or _NUMBER.fullmatch(items["Number"]), "a Number that VCF does not know"),
        (not typed or "Type" not in items or items["Type"] in types, "a Type that VCF does not know"),
        (not typed or known == sorted(known, key=_ORDER.index), "fields in another order than ID, Number, Type"),
        (kind != "PEDIGREE" or not re.search(r"[\s:]", "".join(items.values())), "a genome name with space or colon"),
    )
    for holds, found in rules:
        if not holds:
            raise unreadable(number, found)
