"""Light evidence: what is small enough to travel as read, and is encoded later by the network."""

from typing import Final, Literal

from schemas.record import Instant, Record

BENIGN: Final = "benign"
"""Flag of a variant that is there and means nothing: no gene is hit by it."""
_NO_HIT: Final = frozenset({"not-detected", "no-call", "indeterminate", "filtered", BENIGN})
Comparator = Literal["<", "<=", ">=", ">", "ad"]


class ObservationToken(Record):
    """One clinical fact: a code with a number, a coded answer, or the reason why neither is there."""

    code: str
    """`system|code`, e.g. `http://loinc.org|718-7`."""
    value: float | None = None
    """In `unit`."""
    unit: str = ""
    """Canonical UCUM unit of the code; `""` for none, `"1"` for a pure number."""
    answer: str = ""
    """A coded (`system|code`) or short string value; `""` where there is a number."""
    comparator: Comparator | None = None
    """Where the value is a bound: FHIR's comparators."""
    at: Instant
    """When it was so."""
    flags: tuple[str, ...] = ()
    """E.g. `absent-unknown`, `below-range`, `above-range`, `from-range`, `from-ratio`."""


class VariantToken(Record):
    """One somatic or germline variant of one sample. ctDNA draws are variants with reads and a time."""

    gene: str = ""
    """HGNC symbol; `""` where the caller names none."""
    change: str
    """`chrom:pos:ref>alt` (`chr12:25245350:C>A`) or an HGVS expression; for TMB or MSI, that name."""
    consequence: str = ""
    """Sequence Ontology term, e.g. `missense_variant`."""
    vaf: float | None = None
    """Variant allele fraction, 0 to 1; from AD, AF or DP as the caller writes it."""
    depth: int | None = None
    """Reads at the site."""
    mutant_reads: int | None = None
    """Reads with the variant; 0 is a measurement, None is a gap."""
    assay: str = ""
    """`panel wes wgs rna ctdna amplicon`, as the event said."""
    value: float | None = None
    """For whole-genome quantities (TMB per megabase, MSI score)."""
    at: Instant
    """When the specimen was taken."""
    flags: tuple[str, ...] = ()
    """What is to be known of it, e.g. why it has no value."""

    @property
    def is_hit(self) -> bool:
        """Whether its gene is hit: it was found, it may mean something, and a draw had reads of it."""
        return self.mutant_reads != 0 and not _NO_HIT.intersection(self.flags)


Token = ObservationToken | VariantToken
"""Told apart by their fields: an observation has a `code`, a variant a `change`."""
