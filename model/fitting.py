"""A network fitted on some patients of a cohort, in phases; the others are only looked at once it stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from model.calibration import calibrate
from model.checkpoints import Checkpoints
from model.circuit_phase import train_circuit
from model.cohort_data import CohortData
from model.descent import Report
from model.distillation import Teaching, teaching_of
from model.examples import Examples, Roles
from model.hardware import ALONE, Hardware
from model.heads import Logits
from model.imputer_training import fit_imputer
from model.joint_training import embedded, forward, train_student
from model.labels import strata_of
from model.linear_roads import Opinion, Training, fit_roads, inner_folds
from model.looking import Fitted, Look, columns_of
from model.network import Network
from model.statistics import base_hazards, learn_codes, start_at_base_rates
from model.student_batch import some_of
from model.targets import hard_targets
from model.train_settings import TrainSettings
from schemas.evidence import Modality


@dataclass(frozen=True)
class Prepared:
    """A network whose arrival-time encoders and linear roads are fitted, before there is a student."""

    seen: Fitted
    opinions: tuple[Opinion, Opinion]
    """Of the plain road, the teacher, and of the taught one: of all N patients, zeros for those not fitted on."""
    generator: Tensor
    """The state of the run's randomness here."""


def fit(
    data: CohortData,
    roles: Roles,
    settings: TrainSettings,
    report: Report,
    checkpoints: Checkpoints | None = None,
    hardware: Hardware = ALONE,
) -> Fitted:
    """Fit every phase on the patients of `roles`; raises ValueError where there are too few to learn from."""
    kept = checkpoints or Checkpoints()
    return finish(prepare(data, roles, settings, report, kept, hardware), settings, report, kept, hardware)


def prepare(
    data: CohortData,
    roles: Roles,
    settings: TrainSettings,
    report: Report,
    checkpoints: Checkpoints,
    hardware: Hardware = ALONE,
) -> Prepared:
    """What is read of patients, and both linear roads; raises ValueError where there are too few to learn from."""
    generator = torch.Generator().manual_seed(settings.seed)
    with _seeded(settings.seed):
        seen = Look(data, roles, settings, report, generator, checkpoints, hardware).seen()
        network, rows = seen.network, seen.examples.fitted
        found = fit_roads(network.plain, network.taught, road_training(seen, settings.seed), settings.roads)
        network.heads.bound.copy_(network.plain.bound[-1])  # of the patients who have everything
        plain, taught = (_of_all(opinion, rows, len(seen.examples.present)) for opinion in found)
        return Prepared(seen, (plain, taught), generator.get_state())


def finish(
    prepared: Prepared,
    settings: TrainSettings,
    report: Report,
    checkpoints: Checkpoints,
    hardware: Hardware = ALONE,
) -> Fitted:
    """The student, its circuit and the calibration. Changes the network of `prepared`."""
    seen, teacher = prepared.seen, prepared.opinions[0]
    generator = torch.Generator()
    generator.set_state(prepared.generator)
    with _seeded(settings.seed):
        losses = seen.losses | _Student(seen, settings, report, checkpoints, generator, hardware).trained(teacher)
        manifest = calibrate(seen.network.eval(), seen.manifest, seen.examples, prepared.opinions)
        return Fitted(seen.network, manifest, seen.examples, losses)


def road_training(seen: Fitted, seed: int) -> Training:
    """What the linear roads are fitted on: training and validation patients alike, in the order of `fitted`."""
    rows, tasks = seen.examples.fitted, seen.manifest.tasks
    labels = seen.examples.labels.rows(rows)
    return Training(
        table=seen.manifest.table,
        columns=columns_of(seen.network, seen.examples)[rows].double(),
        present=seen.examples.block[rows],
        targets=hard_targets(labels, len(tasks.diagnosis), len(tasks.treatments)).to(torch.float64),
        base=base_hazards(labels).double(),
        folds=inner_folds(strata_of(labels), seed),
    )


@dataclass(frozen=True)
class _Student:
    """The run of one student, and what its phases share."""

    seen: Fitted
    settings: TrainSettings
    report: Report
    checkpoints: Checkpoints
    generator: torch.Generator
    hardware: Hardware

    def trained(self, teacher: Opinion) -> dict[str, float]:
        """Learn from the teacher and from what became of the patients; the last losses by phase."""
        network, examples, tasks = self.seen.network, self.seen.examples, self.seen.manifest.tasks
        tokens = examples.batch(Modality.CLINICAL, examples.fitted)
        learn_codes(network.clinical, tokens)
        start_at_base_rates(network.heads, examples.labels.rows(examples.fitted))
        hard = hard_targets(examples.labels, len(tasks.diagnosis), len(tasks.treatments))
        teaching = teaching_of(network.plain, teacher, examples.block, hard, examples.fitted, self.settings.lesson)
        losses = self.checkpoints.restore("student", network, self.generator) or {}
        if not losses:
            setting, random = self.settings.student, self.generator
            for done, value in train_student(network, examples, teaching, setting, random, self.hardware):
                losses["student"] = self._told("student", done, value)
            self.checkpoints.keep("student", network, self.generator, losses)
        self._impute(network, examples)
        loss = self._circuit_loss(network, examples, teaching)
        epochs, rate = self.settings.circuit_epochs, self.settings.circuit_rate
        for done, value in train_circuit(network, loss, epochs, rate, self.hardware):
            losses["circuit"] = self._told("circuit", done, value)
        return losses

    def _told(self, phase: str, done: float, loss: float) -> float:
        """The loss, reported; ValueError where it is no number any more, and nothing after it would be one."""
        if not isfinite(loss):
            raise ValueError(f"{phase}: the loss grew beyond all bounds; set a lower rate and train again")
        self.report(phase, done, loss)
        return loss

    def _impute(self, network: Network, examples: Examples) -> None:
        """The imputer once more, on the embeddings as they now stand; without validation patients it stays."""
        held = torch.zeros(len(examples.present), dtype=torch.bool)
        held[examples.held] = True
        rows = examples.fitted
        if not held.any() or int(examples.usable.sum()) < 2:
            return
        embeddings = embedded(network, examples, rows)
        present, hardware = examples.present[rows], self.hardware
        network.imputer = fit_imputer(embeddings, present, held[rows], self.generator, hardware=hardware)

    def _circuit_loss(self, network: Network, examples: Examples, teaching: Teaching) -> Callable[[], Tensor]:
        """Of the training patients, whose embeddings no longer change, with modalities hidden as before."""
        rows, hardware = examples.train, self.hardware
        fixed = embedded(network, examples, rows)
        own, whose, counts = hardware.mine(fixed), hardware.mine(rows), torch.ones(len(rows))
        usable, teaching = examples.usable.to(hardware.device), teaching.to(hardware.device)

        def loss() -> Tensor:
            kept = some_of(examples.present[rows], self.settings.student.hidden, self.generator)
            noise = torch.randn(fixed.shape, generator=self.generator)
            logits, _ = forward(network, usable, own, hardware.mine(kept), hardware.mine(noise))
            return hardware.part(teaching.loss(logits, whose, 0).mean(), counts)

        return loss


def _of_all(opinion: Opinion, rows: Tensor, patients: int) -> Opinion:
    def spread(part: Tensor) -> Tensor:
        return part.new_zeros((patients, *part.shape[1:])).index_copy(0, rows, part)

    return Opinion(spread(opinion.scores), Logits(*(spread(part) for part in opinion.logits)))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch's own randomness from the seed, and as it was afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
