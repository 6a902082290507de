"""Principal components of the training patients' gene values, a kind apart: the linear part of a gene vector."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from model.encoders.gene_graph import GeneEncoder, linear_columns
from model.encoders.gene_names import kind_of
from model.statistics import learn_scale


def learn_genes(
    encoder: GeneEncoder, genes: Sequence[str], width: int, values: NDArray[np.float32], measured: NDArray[np.bool_]
) -> None:
    """Set the encoder's means, deviations and components from training rows: values (N, G), measured (N, G)."""
    learn_scale(encoder, values, measured)
    scores = encoder.standardise(torch.from_numpy(values), torch.from_numpy(measured)).double().numpy()
    kinds = np.array([kind_of(name) for name in genes])
    encoder.components.zero_()
    for kind, columns in linear_columns(genes, width).items():
        own = np.flatnonzero(kinds == kind)
        rows = measured[:, own].any(1)  # an assay without this kind says nothing of it
        loadings = principal_components(scores[rows][:, own], columns.stop - columns.start)
        encoder.components[torch.from_numpy(own), columns] = torch.from_numpy(loadings)


def principal_components(rows: NDArray[np.float64], count: int) -> NDArray[np.float32]:
    """The first `count` loadings (F, count) of rows (N, F), scaled to scores of variance 1 over these rows.

    Of each the loading that is largest (the first of equals) is positive. Those beyond the rows' rank are zeros.
    """
    found = np.zeros((rows.shape[1], count))
    if len(rows) > 1:
        _, spread, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
        kept = min(count, int((spread > spread[0] * 1e-6).sum()))
        axes, spread = axes[:kept], spread[:kept, None]
        peaks = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
        found[:, :kept] = (axes * np.sign(peaks) / spread * np.sqrt(len(rows) - 1)).T
    return found.astype(np.float32)
