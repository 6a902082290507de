"""Sequencing of synthetic patients: a panel's VCF in the style of one of three callers, an amplicon's FASTA.

Hotspot positions are GRCh38; those of passengers and the sequences are invented.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.cohorts.folder import SEQUENCING_TOPIC
from model.cohorts.resources import instant
from model.cohorts.synthetic_event import START, Sent, SyntheticFile
from model.cohorts.synthetic_patients import SyntheticPatient, patient_generator
from schemas.canonical import derived_id


class _Site(NamedTuple):
    chrom: str
    pos: int
    ref: str
    alt: str
    gene: str
    consequence: str
    log_odds: tuple[float, float, float]
    """On the two genomic factors and on severity."""


_SITES = (
    _Site("chr2", 177234082, "T", "C", "NFE2L2", "missense_variant", (0.3, -1.4, 0.0)),
    _Site("chr3", 179234297, "A", "G", "PIK3CA", "missense_variant", (0.3, -1.2, 0.0)),
    _Site("chr7", 55191822, "T", "G", "EGFR", "missense_variant", (1.2, 1.0, 0.0)),
    _Site("chr7", 140753336, "A", "T", "BRAF", "missense_variant", (0.8, 0.6, 0.2)),
    _Site("chr9", 21971111, "G", "A", "CDKN2A", "stop_gained", (1.0, -0.6, 0.6)),
    _Site("chr12", 25245350, "C", "A", "KRAS", "missense_variant", (1.2, 1.2, 0.2)),
    _Site("chr13", 48381279, "C", "T", "RB1", "stop_gained", (-1.4, 1.2, 0.5)),
    _Site("chr17", 7675088, "C", "T", "TP53", "missense_variant", (0.2, 0.2, 1.2)),
    _Site("chr19", 1220487, "G", "T", "STK11", "splice_donor_variant", (0.8, 0.8, 0.6)),
    _Site("chr19", 10491786, "C", "G", "KEAP1", "missense_variant", (1.0, -0.4, 0.6)),
)
_PASSENGERS = ("TTN", "MUC16", "CSMD3", "RYR2", "LRP1B")
_IMPACT = {
    "missense_variant": "MODERATE",
    "stop_gained": "HIGH",
    "splice_donor_variant": "HIGH",
    "synonymous_variant": "LOW",
}
_MOTIFS = ("GGGCGGGGCC", "TATAAATTAA")
"""How often each stands in the amplicons follows one of the genomic factors."""
_ANNOTATION = {
    "ann": '##INFO=<ID=ANN,Number=.,Type=String,Description="Functional annotations: '
    "'Allele | Annotation | Annotation_Impact | Gene_Name'\">",
    "csq": '##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations from Ensembl VEP. '
    'Format: Allele|Consequence|IMPACT|SYMBOL">',
}
_DEPTHS = {
    "info": (
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele fraction">',
    ),
    "format": (
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##FORMAT=<ID=AF,Number=A,Type=Float,Description="Allele fraction">',
    ),
}
_STYLES = (("ann", "GT:AD:AF:DP"), ("csq", "GT:AD:DP"), ("ann", "info"))
"""The annotator of a caller's pipeline, and where it writes reads: three sample fields, two, or only INFO."""


def genomic_events(patient: SyntheticPatient, seed: int) -> list[Sent]:
    """The panel and the amplicons of one specimen."""
    rng = patient_generator(seed, patient.id, "genomic")
    at = START + timedelta(days=patient.day + int(rng.integers(5, 20)), hours=15)
    vcf = SyntheticFile(f"vcf/{patient.id}.vcf", _vcf(patient, rng), "text/x-vcf")
    fasta = SyntheticFile(f"fasta/{patient.id}.fasta", _fasta(patient, rng), "text/x-fasta")
    panel, amplicon = _event(patient, seed, "panel", at), _event(patient, seed, "amplicon", at)
    key = (None, panel["specimen"], patient.id)[int(rng.integers(3))]
    return [
        Sent(SEQUENCING_TOPIC, panel | {"reference": "GRCh38"}, at, key, (vcf,)),
        Sent(SEQUENCING_TOPIC, amplicon, at, key, (fasta,)),
    ]


def _event(patient: SyntheticPatient, seed: int, assay: str, at: datetime) -> dict[str, Any]:
    return {
        "id": derived_id("synthetic", str(seed), patient.id, assay),
        "patient": patient.id,
        "occurred_at": instant(at),
        "status": "available",
        "specimen": f"{patient.id}-s1",
        "assay": assay,
    }


def _vcf(patient: SyntheticPatient, rng: np.random.Generator) -> bytes:
    annotator, fields = _STYLES[int(rng.integers(len(_STYLES)))]
    depths = "info" if fields == "info" else "format"
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    columns += ["FORMAT", f"{patient.id}-s1"] if depths == "format" else []
    sites = sorted(_found(patient, rng), key=lambda site: (int(site.chrom[3:]), site.pos))
    contigs = [f"##contig=<ID={name}>" for name in dict.fromkeys(site.chrom for site in sites)]
    header = ["##fileformat=VCFv4.3", "##reference=GRCh38", *contigs, _ANNOTATION[annotator], *_DEPTHS[depths]]
    purity = float(rng.uniform(0.4, 0.9))
    lines = [_record(site, annotator, fields, purity, rng) for site in sites]
    return ("\n".join([*header, "\t".join(columns), *lines]) + "\n").encode()


def _found(patient: SyntheticPatient, rng: np.random.Generator) -> list[_Site]:
    """Drivers by their odds, and passengers, the more the worse the disease."""
    factors = np.array([*patient.genomic, patient.severity])
    chances = _logistic(np.array([site.log_odds for site in _SITES]) @ factors - 0.8)
    drivers = [
        site for site, draw, chance in zip(_SITES, rng.random(len(_SITES)), chances, strict=True) if draw < chance
    ]
    count = int(rng.poisson(np.exp(1 + 0.3 * patient.severity)))
    places = rng.choice(900_000, size=count, replace=False)
    passengers = [
        _Site(
            "chr1", 1_000_000 + int(place) * 100, "G", "A", _PASSENGERS[int(place) % 5], "synonymous_variant", (0, 0, 0)
        )
        for place in places
    ]
    return drivers + passengers


def _logistic(log_odds: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.asarray(log_odds))))


def _record(site: _Site, annotator: str, fields: str, purity: float, rng: np.random.Generator) -> str:
    depth = int(rng.integers(150, 900))
    mutant = int(rng.binomial(depth, purity / 2))
    fraction = f"{mutant / depth:.4f}"
    note = f"{annotator.upper()}={site.alt}|{site.consequence}|{_IMPACT[site.consequence]}|{site.gene}"
    start = [site.chrom, str(site.pos), ".", site.ref, site.alt, ".", "PASS"]
    if fields == "info":
        return "\t".join([*start, f"DP={depth};AF={fraction};{note}"])
    values = {"GT": "0/1", "AD": f"{depth - mutant},{mutant}", "AF": fraction, "DP": str(depth)}
    return "\t".join([*start, note, fields, ":".join(values[name] for name in fields.split(":"))])


def _fasta(patient: SyntheticPatient, rng: np.random.Generator) -> bytes:
    """Three amplicons of about 200 bases, each motif written into them up to eight times."""
    lines = []
    for number in range(1, 4):
        letters = rng.choice(list("ACGT"), size=int(rng.integers(180, 240)))
        for motif, factor in zip(_MOTIFS, patient.genomic, strict=True):
            for start in rng.integers(0, 170, size=int(rng.binomial(8, _logistic(1.2 * factor)))):
                letters[start : start + len(motif)] = list(motif)
        lines += [f">{patient.id}-s1-amplicon-{number}", "".join(letters)]
    return ("\n".join(lines) + "\n").encode()
