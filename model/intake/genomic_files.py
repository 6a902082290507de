"""All files of one sequencing event as one content: variants, pieces of sequence and gene values."""

from dataclasses import dataclass, field
from pathlib import Path

from model.readers.gene_values import GeneValue, Kind, read_gene_values
from model.readers.maf import read_maf
from model.readers.sequence import read_sequences
from model.readers.variants import MostTelling, Variants, rank
from model.readers.vcf import read_vcf
from schemas.errors import Reason, Refused
from schemas.events import SequencingEvent, SequencingFile
from schemas.files import Files
from schemas.tokens import VariantToken


@dataclass(frozen=True)
class GenomicRules:
    """Bounds on what one event brings in."""

    max_variants: int = 256
    max_bases: int = 1_000_000
    chunk_bases: int = 4096
    """Longest piece of sequence given to the encoder."""
    max_gene_rows: int = 200_000


@dataclass(frozen=True)
class GenomicContent:
    """What the files of one event hold together."""

    tokens: tuple[VariantToken, ...]
    chunks: tuple[str, ...]
    genes: tuple[GeneValue, ...]
    flags: tuple[str, ...]


@dataclass
class _Gathered:
    rules: GenomicRules
    asked_for_variants: bool = False
    variants: dict[str, VariantToken] = field(default_factory=dict)
    """By change: what two files of one specimen both say counts once, as the more telling says it."""
    chunks: list[str] = field(default_factory=list)
    bases: int = 0
    genes: dict[tuple[str, Kind], GeneValue] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def content(self) -> GenomicContent:
        kept = MostTelling(self.rules.max_variants)
        for token in self.variants.values():
            kept.add(token)
        variants = kept.variants()
        nothing = {"no-variants"} if self.asked_for_variants and not variants.tokens else set()
        flags = sorted(self.flags | set(variants.flags) | nothing)
        return GenomicContent(variants.tokens, tuple(self.chunks), tuple(self.genes.values()), tuple(flags))

    def add_variants(self, found: Variants) -> None:
        self.asked_for_variants = True
        self.flags.update(found.flags)
        for token in found.tokens:
            known = self.variants.get(token.change, token)
            self.variants[token.change] = min(known, token, key=rank)

    def add_sequences(self, path: Path) -> None:
        left = self.rules.max_bases - self.bases
        found = read_sequences(path, max_bases=left, chunk_bases=self.rules.chunk_bases)
        self.chunks += found.chunks
        self.bases += found.bases
        self.flags.update(("truncated",) if found.truncated else ())

    def add_genes(self, path: Path) -> None:
        for value in read_gene_values(path, max_rows=self.rules.max_gene_rows):
            if (value.gene, value.kind) in self.genes:
                raise Refused(Reason.UNREADABLE_FILE, "two files with the same gene and kind; send each value once")
            self.genes[value.gene, value.kind] = value


def read_files(event: SequencingEvent, files: Files, rules: GenomicRules) -> GenomicContent:
    """Read every file of the event. Refused where one of them cannot be read: half a specimen is no specimen."""
    gathered = _Gathered(rules)
    for file in event.files:
        with files.open(file) as path:
            _read(event, file, path, gathered)
    return gathered.content()


def _read(event: SequencingEvent, file: SequencingFile, path: Path, into: _Gathered) -> None:
    at, assay, specimen, limit = event.occurred_at, event.assay, event.specimen, into.rules.max_variants
    match file.media_type:
        case "text/x-vcf":
            into.add_variants(read_vcf(path, at=at, assay=assay, specimen=specimen, max_variants=limit))
        case "text/x-maf":
            into.add_variants(read_maf(path, at=at, assay=assay, specimen=specimen, max_variants=limit))
        case "text/x-fasta" | "text/x-fastq":
            into.add_sequences(path)
        case "text/x-gene-values":
            into.add_genes(path)
