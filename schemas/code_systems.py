"""Code systems by the one name that FHIR gives each: senders also write OIDs, `https`, or a `/` at the end."""

from typing import Final

from schemas.canonical_units import LOINC

SNOMED: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
ICD_10: Final = "http://hl7.org/fhir/sid/icd-10"
ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_10_GM: Final = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
"""Its OIDs are of one year each, so none stands here."""

_HL7: Final = "2.16.840.1.113883.6"
_BY_OID: Final = {
    f"{_HL7}.1": LOINC,
    f"{_HL7}.96": SNOMED,
    f"{_HL7}.8": UCUM,
    f"{_HL7}.3": ICD_10,
    f"{_HL7}.90": ICD_10_CM,
    f"{_HL7}.43.1": "http://terminology.hl7.org/CodeSystem/icd-o-3",
    f"{_HL7}.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    f"{_HL7}.73": "http://www.whocc.no/atc",
    f"{_HL7}.281": "http://www.genenames.org",
}
"""As HL7 lists them (terminology.hl7.org, external code systems)."""
_NAMES: Final = {
    **{name.removeprefix("http://"): name for name in (*_BY_OID.values(), ICD_10_GM)},
    "fhir.de/CodeSystem/dimdi/icd-10-gm": ICD_10_GM,
}


def system_named(system: str | None) -> str:
    """The name of a code system; of one that is not listed here as it was sent, `""` for none."""
    text = system or ""
    scheme, _, rest = text.partition("://")
    if rest and scheme.casefold() in {"http", "https"}:
        return _NAMES.get(rest.rstrip("/"), text)
    return _BY_OID.get(text.removeprefix("urn:oid:"), text)
