"""A result as the bytes of its FHIR Bundle."""

from schemas.canonical import canonical_json
from schemas.fhir_out import to_bundle
from schemas.result import Result


def render(result: Result) -> bytes:
    """The Bundle as UTF-8 JSON in canonical form: the same result gives the same bytes."""
    return canonical_json(to_bundle(result))
