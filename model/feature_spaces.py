"""Bags of features in a named space: known and of the right width, or refused."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Reason, Refused


def width_of(space: str, spaces: Mapping[str, int]) -> int:
    """The width of a known feature space; Refused for another."""
    if space not in spaces:
        known = ", ".join(sorted(spaces)) or "none"
        raise Refused(Reason.UNKNOWN_FEATURES, f"a feature space this network does not know; it knows: {known}")
    return spaces[space]


def of_width(chunks: Iterable[NDArray[np.float32]], width: int) -> Iterator[NDArray[np.float32]]:
    """The chunks (n, width) as they come; Refused at the first of another width."""
    for chunk in chunks:
        if chunk.ndim != 2 or chunk.shape[1] != width:
            wanted = f"wanted (n, {width}); name the feature space they are in"
            raise Refused(Reason.UNKNOWN_FEATURES, f"a bag of shape {chunk.shape}, {wanted}")
        yield chunk
