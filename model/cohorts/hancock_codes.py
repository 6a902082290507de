"""What HANCOCK's columns mean: LOINC where a code has that very meaning, else codes of the cohort's own system."""

from model.cohorts.resources import LOINC

ROOT = "https://oncostream.org/cohorts/hancock"
"""Code system of what has no LOINC code, and root of the fullUrls."""
STAINS = ("HE", "CD3", "CD8", "CD56", "CD68", "CD163", "MHC1", "PDL1")
WIDTH = 512
"""Width of the published features of a tissue microarray core."""

BLOOD = {
    "Leukocytes [#/volume] in Blood": (LOINC, "26464-8", "10*9/L"),
    "Hemoglobin [Mass/volume] in Blood": (LOINC, "718-7", "g/dL"),
    "Platelets [#/volume] in Blood": (LOINC, "26515-7", "10*9/L"),
    "Erythrocytes [#/volume] in Blood": (LOINC, "26453-1", "10*12/L"),
    "Hematocrit [Volume Fraction] of Blood": (LOINC, "20570-8", "%"),
    "Erythrocyte mean corpuscular hemoglobin [Entitic mass]": (LOINC, "28539-5", "pg"),
    "Erythrocyte mean corpuscular volume [Entitic volume]": (LOINC, "30428-7", "fL"),
    "Erythrocyte mean corpuscular hemoglobin concentration [Mass/volume]": (LOINC, "28540-3", "g/dL"),
    "Erythrocyte distribution width [Ratio]": (LOINC, "30385-9", "%"),
    "Platelet mean volume [Entitic volume] in Blood": (LOINC, "28542-9", "fL"),
    "Granulocytes [#/volume] in Blood": (LOINC, "30394-1", "10*9/L"),
    "Eosinophils [#/volume] in Blood": (LOINC, "26449-9", "10*9/L"),
    "Basophils [#/volume] in Blood": (LOINC, "26444-0", "10*9/L"),
    "Lymphocytes [#/volume] in Blood": (LOINC, "26474-7", "10*9/L"),
    "Monocytes [#/volume] in Blood": (LOINC, "26484-6", "10*9/L"),
    "Platelet distribution width [Entitic volume] in Blood by Automated count": (LOINC, "32207-3", "fL"),
}
"""Column -> (system, code, UCUM unit in which the table holds it)."""

DENSITIES = {name: (ROOT, f"tma-{name}", "/mm2") for name in ("cd3_z", "cd3_inv", "cd8_z", "cd8_inv")}
"""Positive cells a square millimetre, in the tumour centre (z) and at the invasion front (inv)."""

BINARY = (
    "perinodal_invasion",
    "lymphovascular_invasion_L",
    "vascular_invasion_V",
    "perineural_invasion_Pn",
    "carcinoma_in_situ",
)
CATEGORIES = (
    "primary_tumor_site",
    "grading",
    "hpv_association_p16",
    "resection_status",
    "resection_status_carcinoma_in_situ",
    "histologic_type",
    "pT_stage",
    "pN_stage",
)
_LOINC = {
    "smoking_status": "72166-2",
    "primary_tumor_site": "21855-2",
    "grading": "33732-9",
    "pT_stage": "21899-0",
    "pN_stage": "21900-6",
    "number_of_positive_lymph_nodes": "21893-3",
}


def code_of(column: str) -> tuple[str, str]:
    """(system, code) of what a column observes."""
    return (LOINC, _LOINC[column]) if column in _LOINC else (ROOT, column)
