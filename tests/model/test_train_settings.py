"""What bounds a training run."""

from model.train_settings import TrainSettings


def test_so_many_epochs_bound_every_phase() -> None:
    settings = TrainSettings(name="a", intended_use="tests only")
    few, many = settings.within(2), settings.within(100)
    assert (few.encoders.epochs, few.student.epochs, few.circuit_epochs, few.roads.steps) == (2, 2, 2, 20)
    assert many.roads.steps == settings.roads.steps
    assert settings.within(None) == settings
