"""The words of a variant's components: an answer in words, and a gene by its symbol."""

import re
from collections.abc import Iterator
from typing import Any, Final

from schemas.errors import Reason, Refused

_NUMBER: Final = re.compile(r"(?:HGNC:|NCBIGene:)?\d+|ENSG\d+(?:\.\d+)?", re.IGNORECASE)
"""A gene in the numbers of HGNC, NCBI or Ensembl; no symbol is one."""
_SYMBOL: Final = re.compile(r"\(([A-Za-z][A-Za-z0-9-]*)\):[cgmnp]\.")
"""The gene in HGVS: `NM_004333.6(BRAF):c.1799T>A`."""


def word(part: Any, *, first: str = "display") -> str:
    """A component's answer in words, or by its code first (HGVS); `""` where it has none."""
    return next(_words(part, first), "")


def genes(studied: list[Any], changes: list[Any]) -> tuple[str, ...]:
    """The symbols of the genes studied, each once, of one gene by its number alone as the HGVS changes name it.

    Where none names it, it is refused: as a gene that nobody knows it would say that the right one has no variant.
    """
    found = dict.fromkeys(filter(None, (_symbol(part) for part in studied)))
    numbered = [part for part in studied if word(part) and not _symbol(part)]
    if not numbered:
        return tuple(found)
    named = {symbol for change in changes for text in _words(change, "code") for symbol in _SYMBOL.findall(text)}
    if len(studied) != 1 or len(named) != 1:
        raise Refused(Reason.UNSUPPORTED, "a gene by its number alone; send its HGNC symbol as the display of its code")
    return tuple(named)


def _symbol(part: Any) -> str:
    return next((text for text in _words(part, "display") if not _NUMBER.fullmatch(text)), "")


def _words(part: Any, first: str) -> Iterator[str]:
    """All that a component's answer is called, the best first."""
    concept = None if part is None else part.valueCodeableConcept
    if concept is None:
        said = [None if part is None else part.valueString]
    else:
        codings = concept.coding or ()
        said = [getattr(coding, field) for field in (first, "display") for coding in codings]
        said += [concept.text, *(coding.code for coding in codings)]
    yield from filter(None, (str(one or "").strip() for one in said))
