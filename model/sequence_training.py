"""What there is to train on sequences: the network's own DNA encoder, or the projection behind a frozen one."""

from collections.abc import Mapping

import torch
from torch import Tensor

from model.arrival_training import Encoding
from model.encoders.dna_tokenizer import pad_rows, special_id, token_rows
from model.encoders.genomic_arrival import GenomicArrival
from model.ragged import kept_at_random, regrouped, stacked
from model.recording import RecordingGenomic


def sequence_encoding(
    arrival: GenomicArrival,
    recording: RecordingGenomic,
    owners: Mapping[str, Tensor],
    tokens: int,
    generator: torch.Generator,
) -> Encoding:
    """The DNA encoder, behind the tokenizer that the arrival module has by now; or what is behind a frozen one."""
    if recording.dna.width:
        return _projection(arrival, recording, owners, generator)
    tokenizer = arrival.tokenizer()
    rows = [list(token_rows(tokenizer, (piece.upper() for piece in pieces), tokens)) for pieces in recording.sequences]
    pad = special_id(tokenizer, "[PAD]")

    def encode(places: Tensor, disturb: bool) -> Tensor:
        chosen = [rows[place] for place in places.tolist()]
        ids, mask = pad_rows([row for item in chosen for row in item], tokens, pad)
        used = int(mask.sum(1).max())  # what no row uses costs time and changes nothing
        mask = mask & kept_at_random(mask.shape, generator) if disturb else mask
        encoded = arrival.sequences(ids[:, :used], mask[:, :used])
        items, present = regrouped(encoded, [len(item) for item in chosen])
        vectors: Tensor = arrival(items, present)
        return vectors

    return Encoding("genomic/sequence", owners["genomic/sequence"], encode)


def _projection(
    arrival: GenomicArrival, recording: RecordingGenomic, owners: Mapping[str, Tensor], generator: torch.Generator
) -> Encoding:
    def encode(places: Tensor, disturb: bool) -> Tensor:
        items, present = stacked([recording.features[place] for place in places.tolist()])
        items = items * kept_at_random(items.shape, generator) if disturb else items
        vectors: Tensor = arrival(arrival.sequences(items), present)
        return vectors

    return Encoding("genomic/sequence", owners["genomic/sequence"], encode)
