from agents.commands.train import Phases


def test_the_clock_of_a_phase_that_ends_early_stops_when_the_next_begins() -> None:
    phases = Phases(shown=False)
    phases.report("images", 0.3, 1.0)
    phases.report("images", 0.4, 1.0)
    assert phases.tasks[0].stop_time is None
    phases.report("student", 0.1, 1.0)
    assert phases.tasks[0].stop_time is not None
    assert phases.tasks[1].stop_time is None
