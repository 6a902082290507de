"""What there is to train on sequences: the network's own DNA encoder, or the projection behind a frozen one."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from model.arrival_training import Encoding, of_features
from model.encoders.dna_tokenizer import pad_rows, special_id, token_rows
from model.encoders.genomic_arrival import GenomicArrival
from model.ragged import kept_at_random, regrouped
from model.recording import RecordingGenomic


def sequence_encoding(
    arrival: GenomicArrival,
    recording: RecordingGenomic,
    owners: Mapping[str, Tensor],
    tokens: int,
    generator: torch.Generator,
) -> Encoding:
    """The DNA encoder, behind the tokenizer that the arrival module has by now; or what is behind a frozen one."""
    name = "genomic/sequence"
    if recording.dna.width:
        behind = partial(_of_features, arrival)
        return of_features(name, owners[name], recording.features, behind, generator)
    tokenizer = arrival.tokenizer()
    rows = [list(token_rows(tokenizer, (piece.upper() for piece in pieces), tokens)) for pieces in recording.sequences]
    pad = special_id(tokenizer, "[PAD]")

    def shown(places: Tensor, disturb: bool) -> tuple[Tensor, ...]:
        chosen = [rows[place] for place in places.tolist()]
        ids, mask = pad_rows([row for item in chosen for row in item], tokens, pad)
        used = int(mask.sum(1).max())  # what no row uses costs time and changes nothing
        mask = mask & kept_at_random(mask.shape, generator) if disturb else mask
        counts = [len(item) for item in chosen]
        (by_item, present), (masks, _) = (regrouped(part[:, :used], counts) for part in (ids, mask))
        return by_item, masks, present  # (B, R, T), (B, R, T), (B, R)

    def encode(ids: Tensor, mask: Tensor, present: Tensor) -> Tensor:
        encoded = arrival.sequences(ids[present], mask[present])
        vectors: Tensor = arrival(*regrouped(encoded, present.sum(1).tolist()))
        return vectors

    return Encoding(name, owners[name], shown, encode)


def _of_features(arrival: GenomicArrival, items: Tensor, present: Tensor) -> Tensor:
    """Features (B, R, F), present (B, R) -> (B, D)."""
    vectors: Tensor = arrival(arrival.sequences(items), present)
    return vectors
