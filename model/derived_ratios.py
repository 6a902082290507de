"""Ratios of blood counts that oncology reads together, by LOINC: each one column where its counts are all there."""

from schemas.table import Column

LOINC = "http://loinc.org|"
LEUKOCYTES, GRANULOCYTES, LYMPHOCYTES, MONOCYTES = (LOINC + c for c in ("26464-8", "30394-1", "26474-7", "26484-6"))
PLATELETS, HAEMOGLOBIN, RED_WIDTH, RED_VOLUME = (LOINC + c for c in ("26515-7", "718-7", "30385-9", "30428-7"))
SEX, FEMALE, MALE = LOINC + "46098-0", LOINC + "LA3-6", LOINC + "LA2-8"
AGE = LOINC + "30525-0"

INFLAMMATION = (
    Column(form="log-ratio", codes=(GRANULOCYTES,), over=(LYMPHOCYTES,)),
    Column(form="log-ratio", codes=(PLATELETS,), over=(LYMPHOCYTES,)),
    Column(form="log-ratio", codes=(LYMPHOCYTES,), over=(MONOCYTES,)),
    Column(form="log-ratio", codes=(HAEMOGLOBIN,), over=(RED_WIDTH,)),
    Column(form="log-ratio", codes=(PLATELETS, GRANULOCYTES), over=(LYMPHOCYTES,)),
)
"""NLR, PLR, LMR, haemoglobin to red-cell width, and the systemic immune-inflammation index (Hu et al. 2014)."""
