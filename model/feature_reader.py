"""Patients' evidence of one modality as the arrays that one network reads."""

from collections.abc import Sequence

from model.encoders.arrived import NOTES, vector_features, vector_rows
from model.encoders.clinical_tokens import clinical_features, newest_observations
from model.encoders.ctdna_draws import draw_features
from model.encoders.variant_tokens import variant_features
from model.features import Features
from model.table_columns import TableReader, facts_of
from schemas.evidence import Evidence, Modality
from schemas.manifest import Manifest


class FeatureReader:
    """Reads evidence as a manifest says. Shapes depend on the manifest alone."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._rows = vector_rows(manifest)
        self._parts = manifest.table.parts
        self._tables = {modality: TableReader(manifest.table, modality) for modality in Modality}

    def read(self, modality: Modality, patients: Sequence[Sequence[Evidence]]) -> Features:
        """The arrays of that modality's pieces among the evidence of each of B patients."""
        sizes, encoders = self._manifest.sizes, self._manifest.encoders
        pieces = [[piece for piece in evidence if piece.modality is modality] for evidence in patients]
        newest = [newest_observations(each, sizes.clinical_tokens) for each in pieces]
        table = self._tables[modality]
        features = table.read([facts_of(each, encoders, seen) for each, seen in zip(pieces, newest, strict=True)])
        if modality is Modality.CLINICAL:
            features |= clinical_features(newest, sizes.clinical_tokens, self._parts)
            if NOTES not in encoders:
                return features
        features |= vector_features(pieces, encoders, self._rows, sizes.width)
        if modality is Modality.GENOMIC:
            features |= variant_features(pieces, sizes.variant_tokens) | draw_features(pieces)
        return features
