"""The tabular view of a patient, as data: which columns are read from which evidence, in which blocks (DESIGN §7).

A cohort's card declares blocks; training resolves them into the columns that its patients support. Both are records,
so that a manifest says all that the linear road reads.
"""

from typing import Literal

from pydantic import Field

from schemas.evidence import Modality
from schemas.record import Record

Form = Literal[
    "value", "log", "log-ratio", "hinge-above", "hinge-below", "capped", "above", "below", "answer", "flag",
    "square", "gene", "vector",
]  # fmt: skip


class Given(Record):
    """A condition: the newest answer of that code is this one."""

    code: str
    answer: str


class Column(Record):
    """One number of a patient, from the newest token of each code it names; absent where one of them is.

    `value` x; `log` of x, of `at` where x is less; `log-ratio` sum of logs of `codes` minus those of `over`;
    `hinge-above` max(x - at, 0); `hinge-below` min(x - at, 0); `capped` min(x, at); `above` x > at; `below` x < at;
    `answer` 1 where the code's answer is `answer`; `flag` 1 where its token carries the flag `answer`; `square` the
    square of column number `place` in standard deviations, within three of them; `gene` 1 where a variant of the
    gene `codes[0]` is there; `vector` number `place` of the mean vector of encoder `codes[0]`.
    `given`: 1-or-0 columns are 0, all others absent, where a condition does not hold.
    """

    form: Form
    codes: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    at: float = 0.0
    answer: str = ""
    place: int = 0
    given: tuple[Given, ...] = ()


class Block(Record):
    """Columns that stand together: penalised apart, weighed by one gain, present or absent as one."""

    name: str = Field(min_length=1)
    modality: Modality
    codes: tuple[str, ...] = ()
    """Codes whose tokens make the block present; none: every code of the modality that no other block names."""
    numbers: Literal["plain", "log", "none"] = "plain"
    """Whether each of its codes with numbers gives a column by itself."""
    answers: bool = True
    """Whether each answer of its codes that training saw often enough gives a column."""
    columns: tuple[Column, ...] = ()
    """Columns beyond those."""
    crosses: tuple[tuple[str, str], ...] = ()
    """Pairs of codes: a column for each pair of answers that training saw often enough."""
    squares: bool = False
    """Whether each number also gives a `square`."""
    vectors: dict[str, int] = {}
    """Encoder id -> how many of its vector's leading numbers give a column each."""
    genes: bool = False
    """Whether each gene that training saw hit often enough gives a column."""
    ridge: float = 4.0
    """Penalty of the block's gain: the greater, the less it may say."""


class Table(Record):
    """The resolved view of one network: C columns in B blocks."""

    blocks: tuple[Block, ...] = ()
    columns: tuple[tuple[int, Column], ...] = ()
    """(place of its block, column), block by block."""

    @property
    def parts(self) -> dict[str, int]:
        """Code -> place of the block that names it, from 1."""
        return {code: place for place, block in enumerate(self.blocks, start=1) for code in block.codes}
