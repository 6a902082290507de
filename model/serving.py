"""A loaded network answering requests: in fixed batches, so that no row's bytes depend on its neighbours (§8)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from model.answers import ROWS, Answers, Rows, answer
from model.backend_choice import open_backend
from model.backends import Backend, BackendSettings, Exact
from model.circuit_compiled import FrozenCircuit
from model.draws import Draws
from model.feature_reader import FeatureReader
from model.features import Features, padded
from model.guarded_backend import Tell, say_nothing
from model.measured_circuit import EXACTLY, NO_CIRCUIT, NOT_RUN, MeasuredCircuit, Ran
from model.network import MODALITIES, Network
from model.weights import load_network
from model.wording import Voice, nothing_said, numbers_of, present_of, said
from schemas.canonical import content_hash
from schemas.evidence import Modality
from schemas.manifest import Manifest
from schemas.request import Request, Status
from schemas.result import Provenance, Result, result_of

Embedding = NDArray[np.float32]


@dataclass(frozen=True)
class PredictSettings:
    """What a deployment chooses about results; its hash is in every result's provenance."""

    threshold: float = 0.85
    """Confidence under which a result abstains."""
    quantum: BackendSettings = field(default_factory=BackendSettings)
    """What runs the circuit. A device that fails falls back to exact simulation, and results say so."""


class Predictor:
    """Requests to results. Pure: the same request gives the same bytes, whatever else is asked with it.

    A quantum device is the exception, and the only one: its answers are its own, and vary. Provenance names it.
    Raises ValueError for a backend that is none.
    """

    def __init__(
        self, network: Network, manifest: Manifest, settings: PredictSettings, tell: Tell = say_nothing
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.manifest = manifest
        self.model = manifest.model
        """What a request must be for."""
        self._sha256 = manifest.sha256
        self._reader = FeatureReader(manifest)
        self._draws = Draws(manifest.sizes.draws, manifest.sizes.width)
        self.voice = Voice(manifest, _provenance(manifest, settings), settings.threshold)  # where no circuit was run
        self._backend = _backend(network.fusion.freeze(), settings.quantum, tell)
        self._voice = _voice_of(self.voice, self._backend) if isinstance(self._backend, Ran) else self.voice
        size = manifest.sizes.batch
        self._at_once = size if self.waits else max(ROWS - ROWS % size, size)

    @property
    def waits(self) -> bool:
        """Whether an answer waits for a backend other than exact simulation."""
        return not isinstance(self._backend, Ran)

    @classmethod
    def load(cls, folder: Path, settings: PredictSettings, tell: Tell = say_nothing) -> Self:
        """Read a network's folder; raises ValueError with a remedy. Torch serves on one thread from here on.

        Kernels split over another number of threads may add in another order, and give other bits.
        """
        torch.set_num_threads(1)
        network, manifest = load_network(folder)
        return cls(network, manifest, settings, tell)

    def present(self, request: Request) -> tuple[Modality, ...]:
        """The modalities whose embeddings `predict` needs for this request."""
        return () if request.history.status is Status.WITHDRAWN else present_of(request, self.manifest)

    def memo_key(self, request: Request, modality: Modality) -> str:
        """What the request's embedding of that modality depends on, as a SHA-256."""
        hashes = [piece.hash for piece in request.evidence if piece.modality is modality]
        text = "|".join((self._sha256, modality.value, *hashes))
        return hashlib.sha256(text.encode()).hexdigest()

    def encode(self, requests: Sequence[Request], wanted: Sequence[tuple[int, Modality]]) -> list[Embedding]:
        """The wanted (place in `requests`, modality) embeddings, each (E,) float32, in the order wanted.

        Scores of the linear roads ride behind the D numbers of the modality's embedding (`Network`).
        """
        found: dict[tuple[int, Modality], Embedding] = {}
        size = self.manifest.sizes.batch
        for modality in MODALITIES:
            places = [place for place, one in wanted if one is modality]
            read = self._reader.read(modality, [requests[place].evidence for place in places]) if places else {}
            for start in range(0, len(places), size):
                chunk = {name: array[start : start + size] for name, array in read.items()}
                keys = [(place, modality) for place in places[start : start + size]]
                found.update(zip(keys, self._embed(modality, chunk), strict=False))
        return [found[key] for key in wanted]

    def predict(self, requests: Sequence[Request], embeddings: Sequence[Mapping[Modality, Embedding]]) -> list[Result]:
        """One result a request; `embeddings` has, for each, those of `present`. ValueError for another model's."""
        if any(request.model != self.model for request in requests):
            raise ValueError(f"a request is for another network than {self.model}; ask again")
        answerable = {place: seen for place, request in enumerate(requests) if (seen := self.present(request))}
        results: dict[int, Result] = {}
        for start in range(0, len(answerable), self._at_once):
            places = list(islice(answerable, start, start + self._at_once))
            given = [{each: embeddings[place][each] for each in answerable[place]} for place in places]
            answers, voices = self._answer([requests[place] for place in places], given)
            numbers = numbers_of(answers, self.manifest)
            for row, (place, voice) in enumerate(zip(places, voices, strict=True)):
                results[place] = result_of(said(requests[place], numbers, row, voice), requests[place].history)
        return [
            results.get(place) or result_of(nothing_said(request, self.voice), request.history)
            for place, request in enumerate(requests)
        ]

    @torch.inference_mode()
    def _embed(self, modality: Modality, features: Features) -> Embedding:
        """Embeddings (B, E) of at most one batch of rows; those of the padding come last."""
        values: Embedding = self.network.encode(modality, padded(features, self.manifest.sizes.batch)).numpy()
        return values

    def _answer(
        self, requests: Sequence[Request], given: Sequence[Mapping[Modality, Embedding]]
    ) -> tuple[Answers, list[Voice]]:
        """What the network says of these requests, and for each the voice that says what ran.

        Where a backend is asked, they are at most one batch.
        """
        identities = [request.id for request in requests]
        batches = self._batches(identities, given)
        if isinstance(self._backend, Ran):  # the network's own core
            return answer(self.network, self.manifest, batches), [self._voice] * len(requests)
        circuit = MeasuredCircuit(self._backend, self.network.fusion.circuit, identities, self.manifest.sizes.draws)
        answers = answer(self.network, self.manifest, batches, circuit)
        return answers, [_voice_of(self.voice, ran) for ran in circuit.ran]

    def _batches(self, identities: Sequence[str], given: Sequence[Mapping[Modality, Embedding]]) -> list[Rows]:
        """What is given of each request in batches, the last one filled up with rows of zeros."""
        sizes, modalities = self.manifest.sizes, len(MODALITIES)
        count = len(given) + -len(given) % sizes.batch
        known = np.zeros((count, modalities, sizes.width + self.network.beside), np.float32)
        present = np.ones((count, modalities), np.bool_)  # of the padding as well: it asks for no draws
        noise = np.zeros((count, sizes.draws, modalities, sizes.width), np.float32)
        for row, (identity, embeddings) in enumerate(zip(identities, given, strict=True)):
            for place, modality in enumerate(MODALITIES):
                if modality in embeddings:
                    known[row, place] = embeddings[modality]
                else:  # what is there does not vary
                    present[row, place] = False
                    noise[row, :, place] = self._draws.of(identity, place)
        parts = (torch.split(torch.from_numpy(array), sizes.batch) for array in (known, present, noise))
        return [Rows(*batch) for batch in zip(*parts, strict=True)]


def load_predictor(folder: Path, settings: PredictSettings | None = None) -> Predictor:
    """Read a network's folder; raises ValueError with a remedy."""
    return Predictor.load(folder, settings or PredictSettings())


def _backend(circuit: FrozenCircuit | None, settings: BackendSettings, tell: Tell) -> Backend | Ran:
    """The backend to ask; or, where the network's own core answers, what all results say of it."""
    if circuit is None:
        return NO_CIRCUIT
    backend = open_backend(settings, circuit, tell)
    return EXACTLY if isinstance(backend, Exact) else backend


def _voice_of(voice: Voice, ran: Ran) -> Voice:
    """A voice that says what ran the circuits."""
    return replace(voice, provenance=voice.provenance.model_copy(update=_named(ran)))


def _provenance(manifest: Manifest, settings: PredictSettings) -> Provenance:
    return Provenance(
        model=manifest.model,
        weights_sha256=manifest.weights_sha256,
        settings_sha256=content_hash(asdict(settings)),
        intended_use=manifest.intended_use,
        **_named(NOT_RUN),
    )


def _named(ran: Ran) -> dict[str, Any]:
    return {"quantum_backend": ran.backend, "quantum_reason": ran.reason, "fallbacks": ran.fallbacks}
