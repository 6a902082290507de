"""What the linear road reads of HANCOCK: its blocks, and the cut-offs that head-and-neck oncology uses.

Cut-offs are in each code's canonical unit, as tokens are: a depth is in metres, a width a share of one.
"""

from model.cohorts.hancock_codes import BINARY, BLOOD, CATEGORIES, DENSITIES, STAINS, code_of
from model.derived_ratios import (
    AGE,
    FEMALE,
    HAEMOGLOBIN,
    INFLAMMATION,
    LEUKOCYTES,
    LYMPHOCYTES,
    MALE,
    PLATELETS,
    RED_VOLUME,
    RED_WIDTH,
    SEX,
)
from schemas.evidence import Modality
from schemas.table import Block, Column, Given

_COMPONENTS = 8
"""Principal components of each stain's features."""
_FEW_SAYS = 100.0
"""Ridge of the gain of what is worth little and varies much."""


def hancock_table(with_metastasis: bool = False) -> tuple[Block, ...]:
    """Clinical, pathology, blood, cell densities, stains. ICD codes are left out: they made every figure worse."""
    later = (_named("primarily_metastasis"),) if with_metastasis else ()
    names = {column: _named(column) for column in (*BINARY, *CATEGORIES, "smoking_status")}
    nodes, depth = _named("number_of_positive_lymph_nodes"), _named("infiltration_depth_in_mm")
    return (
        Block(
            name="clinical",
            modality=Modality.CLINICAL,
            codes=(AGE, SEX, names["smoking_status"], *later),
            squares=True,
            columns=(
                Column(form="hinge-above", codes=(AGE,), at=70),
                Column(form="hinge-below", codes=(AGE,), at=50),
            ),
        ),
        Block(
            name="pathology",
            modality=Modality.CLINICAL,
            codes=(*(names[column] for column in (*BINARY, *CATEGORIES)), nodes, depth),
            numbers="none",
            crosses=((names["primary_tumor_site"], names["hpv_association_p16"]),),
            columns=(
                Column(form="below", codes=(nodes,), at=0.5),
                Column(form="above", codes=(nodes,), at=3.5),
                Column(form="capped", codes=(nodes,), at=15),
                Column(form="above", codes=(depth,), at=0.005),
                Column(form="above", codes=(depth,), at=0.010),
            ),
        ),
        Block(
            name="blood",
            modality=Modality.CLINICAL,
            codes=tuple(f"{system}|{code}" for system, code, _ in BLOOD.values()),
            numbers="log",
            squares=True,
            columns=(*INFLAMMATION, *_cut_offs()),
        ),
        Block(
            name="density",
            modality=Modality.CLINICAL,
            codes=tuple(f"{system}|{code}" for system, code, _ in DENSITIES.values()),
            numbers="log",
            ridge=_FEW_SAYS,
        ),
        Block(
            name="imaging",
            modality=Modality.IMAGING,
            vectors={f"imaging/bag:hancock-tma-{stain}": _COMPONENTS for stain in STAINS},
            ridge=_FEW_SAYS,
        ),
    )


def _cut_offs() -> tuple[Column, ...]:
    men, women = (Given(code=SEX, answer=MALE),), (Given(code=SEX, answer=FEMALE),)
    return (
        Column(form="below", codes=(HAEMOGLOBIN,), at=13.5, given=men),
        Column(form="below", codes=(HAEMOGLOBIN,), at=12, given=women),
        Column(form="above", codes=(LEUKOCYTES,), at=10),
        Column(form="above", codes=(PLATELETS,), at=350),
        Column(form="below", codes=(LYMPHOCYTES,), at=1.2),
        Column(form="above", codes=(RED_VOLUME,), at=96),
        Column(form="above", codes=(RED_WIDTH,), at=0.145),
    )


def _named(column: str) -> str:
    system, code = code_of(column)
    return f"{system}|{code}"
