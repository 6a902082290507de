"""TCGA cohorts (the tables of mahmoodlab/PORPOISE) as cohort folders: demographics, gene values, survival.

A row is a slide, so a case has several equal rows. Dates are not published: everything is observed at `ANCHOR`.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from model.cohorts import resources as fhir
from model.cohorts.folder import OBSERVATION_TOPIC, SEQUENCING_TOPIC, CohortCard, Outcome, SurvivalTime, Tasks
from model.cohorts.folder_writer import CohortWriter
from schemas.canonical import derived_id
from schemas.errors import Reason, Refused

ROOT = "https://oncostream.org/cohorts/tcga"
DAYS_A_MONTH = 365.25 / 12

Row = dict[str, str]

_KINDS = {"rnaseq": "expression", "cnv": "copy-number", "mut": "mutation"}
_ASSAYS = {"rna": ("rnaseq",), "wes": ("cnv", "mut")}
_PER_SLIDE = ("", "slide_id")
_NEEDED = {"case_id", "age", "site", "survival_months", "censorship", "is_female", "oncotree_code"}


def write_tcga(source_zip: Path, out: Path) -> None:
    """Write one zipped table (`tcga_luad.csv.zip`) as a cohort folder at `out`, one patient a case."""
    cases = _cases(source_zip)
    name = source_zip.name.split(".")[0].replace("_", "-")
    labels = sorted({row["oncotree_code"] for row in cases.values()})
    labels = labels if len(labels) > 1 else []  # one label is nothing to learn
    with CohortWriter(out, _card(name, labels)) as cohort:
        for case, row in cases.items():
            cohort.event(OBSERVATION_TOPIC, _demographics(case, row), key=case)
            for assay, suffixes in _ASSAYS.items():
                file = cohort.store(f"files/{assay}/{case}.tsv", _gene_values(row, suffixes))
                cohort.event(SEQUENCING_TOPIC, _sequencing(case, assay, file), key=case)
            cohort.outcome(Outcome(case, row["oncotree_code"] if labels else "", site=row["site"]))
            cohort.survival(_overall(case, row))


def _card(name: str, labels: list[str]) -> CohortCard:
    return CohortCard(
        name=name,
        source="mahmoodlab/PORPOISE, datasets_csv_mutsig, derived from open-access TCGA",
        terms="repository GPL-3; underlying data open access",
        tasks=Tasks(diagnosis=tuple(labels), endpoints=("OS",), horizon_days=3650),
    )


def _cases(source_zip: Path) -> dict[str, Row]:
    """The one row of each case; Refused where two slides of a case disagree about the patient."""
    cases: dict[str, Row] = {}
    for row in _slides(source_zip):
        if not row.keys() >= _NEEDED:
            raise Refused(Reason.UNREADABLE_FILE, f"the table lacks one of the columns {sorted(_NEEDED)}")
        kept = {column: cell for column, cell in row.items() if column not in _PER_SLIDE}
        if cases.setdefault(row["case_id"], kept) != kept:
            raise Refused(Reason.UNREADABLE_FILE, "two slides of one case differ in more than the slide; repair them")
    return cases


def _slides(source_zip: Path) -> Iterator[Row]:
    try:
        with ZipFile(source_zip) as packed, packed.open(packed.namelist()[0]) as raw:
            yield from csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
    except (FileNotFoundError, BadZipFile, IndexError) as error:
        raise Refused(Reason.UNREADABLE_FILE, "no zip with a CSV in it; give tcga_<cancer>.csv.zip") from error


def _demographics(case: str, row: Row) -> fhir.Resource:
    female = float(row["is_female"]) == 1
    sex = fhir.answer(fhir.LOINC, "LA3-6" if female else "LA2-8")
    found = [
        fhir.patient(case, "female" if female else "male"),
        fhir.observation(fhir.fhir_id(case, "sex"), case, (fhir.LOINC, "46098-0"), sex, fhir.ANCHOR),
    ]
    age = fhir.quantity(float(row["age"]), "a") if row["age"] else fhir.absent("unknown")
    found.append(fhir.observation(fhir.fhir_id(case, "age"), case, (fhir.LOINC, "30525-0"), age, fhir.ANCHOR))
    return fhir.collection(ROOT, fhir.fhir_id(case, "demographics"), found, fhir.ANCHOR)


def _gene_values(row: Row, suffixes: tuple[str, ...]) -> bytes:
    """TSV of gene, kind and value: z-scores of expression, copies gained or lost (-2 to 2), mutated (0 or 1)."""
    lines = ["gene\tkind\tvalue"]
    for column, value in row.items():
        gene, _, suffix = column.rpartition("_")
        if suffix in suffixes and value:
            lines.append(f"{gene}\t{_KINDS[suffix]}\t{value}")
    return ("\n".join(lines) + "\n").encode()


def _sequencing(case: str, assay: str, file: fhir.Resource) -> fhir.Resource:
    return {
        "id": derived_id("tcga", case, assay),
        "patient": case,
        "occurred_at": fhir.instant(fhir.ANCHOR),
        "specimen": f"{case}-tumour",
        "assay": assay,
        "files": [file | {"media_type": "text/x-gene-values"}],
    }


def _overall(case: str, row: Row) -> SurvivalTime:
    """`censorship` is 1 where the patient was alive when last heard of."""
    days = round(float(row["survival_months"]) * DAYS_A_MONTH, 1)
    return SurvivalTime(case, "OS", days, event=float(row["censorship"]) == 0)
