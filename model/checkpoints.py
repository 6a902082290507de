"""A run that was cut short goes on where its last whole phase ended."""

import json
import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from model.hardware import ALONE, Hardware
from model.network import Network

_GENERATOR = "generator"
_Stored = tuple[dict[str, Tensor], dict[str, str]]


@dataclass(frozen=True)
class Checkpoints:
    """Finished phases of one run, by what the run depends on: a phase of another cohort or setting is not taken."""

    folder: Path | None = None
    """None: nothing is kept."""
    key: str = ""
    hardware: Hardware = ALONE
    """Its first process alone reads and writes; all go on from what it read."""
    history: list[tuple[str, float, float]] = field(default_factory=list)
    """What the run has reported (`Report`): kept with a phase, and back with it, so that its plot is a whole run's."""

    def restore(self, phase: str, network: Network, generator: torch.Generator) -> dict[str, float] | None:
        """Put the phase's tensors, tokenizer and randomness back; its losses, or None where it has to be run."""
        stored = self.hardware.from_first(partial(self._read, phase))
        if stored is None:
            return None
        tensors, told = stored
        generator.set_state(tensors.pop(_GENERATOR))
        network.load_state_dict(tensors)
        network.arrival_genomic.tokenizer_json = told["tokenizer"]
        self.history[:] = [(name, done, loss) for name, done, loss in json.loads(told["history"])]
        losses: dict[str, float] = json.loads(told["losses"])
        return losses

    def keep(self, phase: str, network: Network, generator: torch.Generator, losses: dict[str, float]) -> None:
        """Write the phase down, whole or not at all."""
        tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        told = {"key": self.key, "losses": json.dumps(losses), "tokenizer": network.arrival_genomic.tokenizer_json}
        told["history"] = json.dumps(self.history)
        self.hardware.from_first(partial(self._write, phase, tensors | {_GENERATOR: generator.get_state()}, told))

    def forget(self) -> None:
        """The run is done."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, phase: str) -> _Stored | None:
        path = self._path(phase)
        if path is None or not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as stored:
                told: dict[str, str] = stored.metadata() or {}
                if told.get("key") != self.key:
                    return None
                return {name: stored.get_tensor(name) for name in stored.keys()}, told  # noqa: SIM118
        except SafetensorError as error:  # a power cut may leave a file that the disk never got whole
            raise ValueError(f"{path} is broken ({error}); remove it, and its phase is run again") from None

    def _write(self, phase: str, tensors: dict[str, Tensor], told: dict[str, str]) -> None:
        path = self._path(phase)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        draft.write_bytes(save(tensors, told))  # safetensors' own writing does not say that a disk is full
        draft.replace(path)

    def _path(self, phase: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{phase}.safetensors"
