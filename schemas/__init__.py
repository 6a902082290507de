"""What travels: ids, errors, envelope, inputs, evidence, request, result, FHIR. Imports nothing of ours."""
