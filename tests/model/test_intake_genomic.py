import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.intake.genomic import read_sequencing
from model.intake.genomic_files import GenomicRules
from model.readers.gene_values import GeneValue
from schemas.errors import Reason, Refused, Unavailable
from schemas.events import FileRef
from schemas.evidence import Evidence, EvidenceStatus, Modality, Vector
from schemas.message import Message
from schemas.tokens import VariantToken

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tTUMOR\n"
KRAS = "12\t25398284\t.\tC\tT\t.\tPASS\tGENE=KRAS\tGT:AD\t0/1:30,10\n"
RULES = GenomicRules(max_bases=100, chunk_bases=50)
Read = Callable[[Any], Evidence]


class Folder:
    """Inline content as files of a folder; a url is a name in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self, file: FileRef) -> Iterator[Path]:
        path = self.path / "inline" if file.inline is not None else self.path / (file.url or "")
        if file.inline is not None:
            path.write_bytes(file.inline)
        if not path.is_file():
            raise Unavailable("the store is away")
        yield path


class Counting:
    """An encoder whose vectors say how much it was given."""

    def encode_sequences(self, chunks: Iterable[str]) -> Vector:
        return Vector.pack("genomic/sequence", "0" * 64, np.array([len(chunk) for chunk in chunks], np.float32))

    def encode_genes(self, values: Iterable[GeneValue]) -> Vector:
        return Vector.pack("genomic/genes", "0" * 64, np.array([one.value for one in values], np.float32))


def inline(media: str, text: str) -> dict[str, Any]:
    return {"media_type": f"text/x-{media}", "inline": base64.b64encode(text.encode()).decode()}


def event(*files: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {"id": "e-1", "patient": "p-0042", "occurred_at": "2026-03-02T12:00:00Z", "specimen": "s-17"}
    return plain | {"assay": "panel", "files": list(files)} | changes


def message(value: Any) -> Message:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Message("sequencing.events", 0, 7, None, data, timestamp=NOON)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reading(value: Any) -> Evidence:
        (piece,) = read_sequencing(message(value), Folder(tmp_path), Counting(), RULES).evidence
        return piece

    return reading


def test_variants_become_tokens_of_the_specimen_and_its_assay(read: Read) -> None:
    piece = read(event(inline("vcf", VCF + KRAS), assay="ctdna"))
    assert (piece.patient, piece.modality, piece.source) == ("p-0042", Modality.GENOMIC, "specimen:s-17:ctdna")
    assert (piece.occurred_at, piece.origin.offset, piece.flags, piece.vectors) == (NOON, 7, (), ())
    (token,) = piece.tokens
    assert isinstance(token, VariantToken)
    assert (token.gene, token.vaf, token.assay, token.at) == ("KRAS", 0.25, "ctdna", NOON)


def test_all_files_of_an_event_are_one_piece(read: Read) -> None:
    genes = "gene\tkind\tvalue\nTP53\texpression\t2\n"
    reads = (inline("fasta", ">a\n" + "A" * 60), inline("fastq", "@r\nACGT\n+\nIIII\n"))
    variants = inline("vcf", VCF + KRAS)
    piece = read(event(variants, *reads, inline("gene-values", genes), variants))
    assert len(piece.tokens) == 1
    assert {vector.encoder: vector.unpack().tolist() for vector in piece.vectors} == {
        "genomic/sequence": [50, 10, 4],
        "genomic/genes": [2],
    }


def test_a_variant_of_two_files_is_one_whatever_they_call_its_chromosome(read: Read) -> None:
    """As a caller's VCF and a MAF made with another reference do: the patient had each mutation twice."""
    maf = "\t".join(
        ("Hugo_Symbol", "Chromosome", "Start_Position", "Variant_Classification", "Reference_Allele",
         "Tumor_Seq_Allele2", "Tumor_Sample_Barcode")
    )  # fmt: skip
    row = "KRAS\t12\t25398284\tMissense_Mutation\tC\tT\ts-17\n"
    others = [inline("vcf", VCF + KRAS.replace("12", name, 1)) for name in ("chr12", "NC_000012.12")]
    piece = read(event(inline("vcf", VCF + KRAS), inline("maf", f"{maf}\n{row}"), *others))
    assert [token.change for token in piece.tokens if isinstance(token, VariantToken)] == ["chr12:25398284:C>T"]


def test_the_bound_on_bases_is_over_all_files(read: Read) -> None:
    piece = read(event(*(inline("fasta", ">a\n" + "A" * 80),) * 3))
    assert piece.vectors[0].unpack().tolist() == [50, 30, 20]
    assert piece.flags == ("truncated",)


def test_no_variant_found_is_evidence_too(read: Read) -> None:
    piece = read(event(inline("vcf", VCF)))
    assert (piece.status, piece.tokens, piece.flags) == (EvidenceStatus.CURRENT, (), ("no-variants",))


def test_a_withdrawal_reads_no_file_and_wins_over_what_it_withdraws(read: Read) -> None:
    first = read(event(inline("vcf", VCF + KRAS)))
    corrected = read(event(inline("vcf", VCF), status="corrected"))
    away = {"media_type": "text/x-vcf", "url": "nowhere", "bytes": 1, "sha256": "0" * 64}
    withdrawn = read(event(away, status="entered-in-error"))
    later = read(event(inline("vcf", VCF), occurred_at="2026-03-02T12:00:01Z"))
    assert (withdrawn.status, withdrawn.tokens, withdrawn.source) == (EvidenceStatus.WITHDRAWN, (), first.source)
    assert first.rank < corrected.rank < withdrawn.rank < later.rank
    assert first.version < corrected.version == withdrawn.version < later.version


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param([inline("vcf", VCF + "not a line")], Reason.UNREADABLE_FILE, id="a-broken-file"),
        pytest.param([inline("vcf", VCF), inline("fasta", ">p\nMKLLPQ")], Reason.UNREADABLE_FILE, id="one-of-two"),
        pytest.param([], Reason.NOTHING_TO_READ, id="no-files"),
        pytest.param(
            [inline("gene-values", "gene\tkind\tvalue\nA\tprotein\t1\n")] * 2, Reason.UNREADABLE_FILE, id="values-twice"
        ),
    ],
)
def test_a_refused_file_leaves_an_unreadable_piece_of_its_source(
    read: Read, files: list[dict[str, Any]], reason: Reason
) -> None:
    with pytest.raises(Refused) as refusal:
        read(event(*files))
    (piece,) = refusal.value.evidence
    assert (piece.status, piece.source) == (EvidenceStatus.UNREADABLE, "specimen:s-17:panel")
    assert refusal.value.reason is reason
    assert "p-0042" not in refusal.value.detail


def test_a_store_that_is_away_is_not_a_refusal(read: Read) -> None:
    with pytest.raises(Unavailable):
        read(event({"media_type": "text/x-vcf", "url": "gone.vcf", "bytes": 1, "sha256": "0" * 64}))


@pytest.mark.parametrize(
    ("value", "reason", "found"),
    [
        pytest.param(b"{", Reason.NOT_JSON, "JSON", id="not-json"),
        pytest.param(b"[" * 100_000, Reason.NOT_JSON, "JSON", id="too-deep"),
        pytest.param(b"\xff", Reason.NOT_JSON, "JSON", id="not-text"),
        pytest.param(
            json.dumps(event()).replace('"patient": ', '"patient": "Doe", "patient": ').encode(),
            Reason.NOT_JSON,
            "each key once",
            id="two-patients-in-one-key",
        ),
        pytest.param([], Reason.NOT_AN_EVENT, "no object", id="no-object"),
        pytest.param({"resourceType": "Observation"}, Reason.NOT_AN_EVENT, "observations", id="another-resource"),
        pytest.param(event(assay="Doe, Jane"), Reason.NOT_AN_EVENT, "wrong: assay;", id="a-wrong-field"),
        pytest.param(event(Jane_Doe=1), Reason.NOT_AN_EVENT, "contract: 1", id="an-unknown-field"),
        pytest.param(event({"media_type": "text/x-vcf"}), Reason.NOT_AN_EVENT, "wrong: files.0;", id="a-file-nowhere"),
        pytest.param(event(patient=None), Reason.NO_PATIENT, "name the patient in `patient`", id="no-patient"),
        pytest.param(event(occurred_at="2026-03-02"), Reason.NO_TIME, "offset from UTC", id="no-time"),
    ],
)
def test_what_is_no_event_is_refused_by_field_and_never_by_content(
    read: Read, value: Any, reason: Reason, found: str
) -> None:
    with pytest.raises(Refused) as refusal:
        read(value)
    assert refusal.value.reason is reason
    assert found in refusal.value.detail
    assert "Jane" not in refusal.value.detail


FILE = inline("vcf", VCF)


@pytest.mark.parametrize(
    ("changes", "version"),
    [
        pytest.param({"files": [FILE | {"media_type": "text/plain"}]}, "", id="unknown-media-type"),
        pytest.param({"files": [{"media_type": "text/x-vcf"}]}, "", id="a-file-nowhere"),
        pytest.param({"files": [FILE | {"bytes": -1}]}, "", id="negative-bytes"),
        pytest.param({"files": "s17.vcf"}, "", id="no-list-of-files"),
        pytest.param({"id": None}, "", id="no-id"),
        pytest.param({"refernce": "GRCh38"}, "", id="a-typo"),
        pytest.param({"files": [{}], "status": "corrected"}, "+1", id="of-a-correction"),
    ],
)
def test_an_event_wrong_in_part_leaves_an_unreadable_piece_of_its_source(
    read: Read, changes: dict[str, Any], version: str
) -> None:
    """It left a dead letter alone: the results that followed did not say that there was something they had not read."""
    with pytest.raises(Refused) as refusal:
        read(event(FILE) | changes)
    (piece,) = refusal.value.evidence
    assert refusal.value.reason is Reason.NOT_AN_EVENT
    assert (piece.patient, piece.source, piece.status) == ("p-0042", "specimen:s-17:panel", EvidenceStatus.UNREADABLE)
    assert (piece.version, piece.occurred_at) == (f"t2026-03-02T12:00:00.000000Z{version}", NOON)


@pytest.mark.parametrize(
    "wrong", [{"patient": ""}, {"specimen": 17}, {"assay": "exome"}, {"status": "new"}, {"occurred_at": "2026-03-02"}]
)
def test_an_event_whose_source_or_version_is_not_plain_leaves_no_piece(read: Read, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        read(event(FILE) | wrong)
    assert refusal.value.evidence == ()


MOLECULAR = {
    "resourceType": "MolecularSequence",
    "id": "m-1",
    "meta": {"lastUpdated": "2026-03-02T12:00:00Z"},
    "patient": {"reference": "Patient/p-0042"},
}


def test_a_molecular_sequence_is_read_from_within(read: Read) -> None:
    piece = read(MOLECULAR | {"observedSeq": "acgt" * 20})
    assert (piece.patient, piece.source, piece.occurred_at) == ("p-0042", "MolecularSequence/m-1", NOON)
    assert piece.vectors[0].unpack().tolist() == [50, 30]


UNREADABLE = [
    pytest.param({"type": "aa", "observedSeq": "MKV"}, Reason.UNSUPPORTED, id="a-protein"),
    pytest.param({}, Reason.NOTHING_TO_READ, id="no-sequence"),
    pytest.param({"literal": "what is this"}, Reason.UNREADABLE_FILE, id="garbage"),
    pytest.param({"literal": "acgt", "implicitRules": "http://a/rules"}, Reason.UNSUPPORTED, id="under-its-own-rules"),
]


@pytest.mark.parametrize(("changes", "reason"), UNREADABLE)
def test_a_molecular_sequence_of_something_else_is_unreadable(
    read: Read, changes: dict[str, Any], reason: Reason
) -> None:
    with pytest.raises(Refused) as refusal:
        read(MOLECULAR | changes)
    assert refusal.value.reason is reason
    assert [piece.status for piece in refusal.value.evidence] == [EvidenceStatus.UNREADABLE]


def test_an_assay_of_a_time_that_cannot_have_been_is_refused_and_can_be_corrected(read: Read) -> None:
    """As the newest time of a patient it would make all that is known of her stale."""
    right = event(inline("vcf", VCF + KRAS))
    with pytest.raises(Refused) as refused:
        read(right | {"occurred_at": "2062-03-02T12:00:00Z"})
    (unread,) = refused.value.evidence
    assert (refused.value.reason, unread.status) == (Reason.NO_TIME, EvidenceStatus.UNREADABLE)
    assert unread.occurred_at == NOON
    assert read(right).rank > unread.rank


@pytest.mark.parametrize("number", [{}, {"versionId": "3"}])
def test_a_sequence_updated_at_a_time_that_cannot_have_been_is_refused_and_can_be_corrected(
    read: Read, number: dict[str, str]
) -> None:
    plain = {"resourceType": "MolecularSequence", "id": "m", "patient": {"reference": "Patient/p1"}}
    wrong = plain | {"observedSeq": "acgt", "meta": {"lastUpdated": "2062-03-02T12:00:00Z", **number}}
    with pytest.raises(Refused) as refused:
        read(wrong)
    (unread,) = refused.value.evidence
    assert (refused.value.reason, unread.status) == (Reason.NO_TIME, EvidenceStatus.UNREADABLE)
    assert unread.occurred_at == NOON
    right = read(wrong | {"meta": {"lastUpdated": "2026-03-01T12:00:00Z", **number}})
    assert right.rank > unread.rank


def test_a_sequence_of_the_next_day_is_a_wrong_clock(read: Read) -> None:
    meta = {"lastUpdated": "2026-03-03T11:00:00Z"}
    plain = {"resourceType": "MolecularSequence", "id": "m", "patient": {"reference": "Patient/p1"}}
    assert read(plain | {"observedSeq": "acgt", "meta": meta}).status is EvidenceStatus.CURRENT
