"""What there is to train on images: the tile CNN or what is behind a frozen backbone; a projector a feature space."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from model.arrival_training import Encoding, of_features
from model.encoders.imaging import BagProjector, ImagingArrival, TileNetwork
from model.ragged import stacked
from model.recording import RecordingImaging

_CNN = "imaging/cnn"


def image_encodings(
    arrival: ImagingArrival,
    recording: RecordingImaging,
    spaces: Mapping[str, int],
    owners: Mapping[str, Tensor],
    generator: torch.Generator,
) -> list[Encoding]:
    """Those with anything recorded."""
    found = []
    if _CNN in owners and recording.eyes.width:
        behind = partial(_of_features, arrival, arrival.tiles)
        found.append(of_features(_CNN, owners[_CNN], recording.tiles, behind, generator))
    elif _CNN in owners:
        found.append(_tiles(arrival, recording, owners[_CNN], generator))
    for number, space in enumerate(sorted(spaces)):
        name, encode = f"imaging/bag:{space}", partial(_of_features, arrival, arrival.space(number))
        if name in owners:
            found.append(of_features(name, owners[name], recording.bags[space], encode, generator))
    return found


def _tiles(
    arrival: ImagingArrival, recording: RecordingImaging, owners: Tensor, generator: torch.Generator
) -> Encoding:
    def shown(places: Tensor, disturb: bool) -> tuple[Tensor, Tensor]:
        items, present = stacked([recording.tiles[place] for place in places.tolist()])
        for axis in (-1, -2):
            items = items.flip(axis) if disturb and _heads_up(generator) else items
        return items, present

    def encode(items: Tensor, present: Tensor) -> Tensor:
        flat = items.flatten(0, 1)
        encoded, plain = (
            part.view(*present.shape, -1) for part in (arrival.tiles(flat), arrival.tiles.plain_part(flat))
        )
        vectors: Tensor = arrival(encoded, plain, present)
        return vectors

    return Encoding(_CNN, owners, shown, encode)


def _of_features(
    arrival: ImagingArrival, projector: BagProjector | TileNetwork, items: Tensor, present: Tensor
) -> Tensor:
    """Features (B, N, F), present (B, N) -> (B, D)."""
    vectors: Tensor = arrival(projector(items), projector.plain_part(items), present)
    return vectors


def _heads_up(generator: torch.Generator) -> bool:
    return bool(torch.rand((), generator=generator) < 0.5)
