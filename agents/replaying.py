"""A stored request answered again, and what differs from the stored result."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from model.serving import Predictor
from schemas.picture import View
from schemas.request import Request, request_id
from schemas.result import Result, plain


@dataclass(frozen=True)
class Replayed:
    """Two answers to one request."""

    stored: Result
    again: Result
    same_bytes: bool
    other_model: bool

    @property
    def same(self) -> bool:
        """The same bytes, as the same network must give."""
        return self.same_bytes and self.stored.content_sha256 == self.again.content_sha256

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Field -> (stored, again) of what the two do not agree on."""
        return {path: (one, other) for path, one, other in _differing("", plain(self.stored), plain(self.again))}


def replayed(predictor: Predictor, request: Request, stored: bytes) -> Replayed:
    """Answer again, by the loaded network; where the request was for another one, as if it had been for this."""
    ours = predictor.model
    other_model = request.model != ours
    if other_model:
        request = asked_of(request, ours)
    present = predictor.present(request)
    embeddings = predictor.encode([request], [(0, modality) for modality in present])
    again = predictor.predict([request], [dict(zip(present, embeddings, strict=True))])[0]
    return Replayed(Result.model_validate_json(stored), again, again.to_json() == stored, other_model)


def asked_of(request: Request, model: str) -> Request:
    """The same question to another network: another id, and so other seeds."""
    seen = View(request.evidence, request.missing, request.unreadable)
    name = request_id(request.patient, seen, model, truncated=request.truncated)
    return request.model_copy(update={"model": model, "id": name})


def _differing(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from _differing(f"{path}.{name}".lstrip("."), one.get(name), other.get(name))
    elif one != other:
        yield path, one, other
