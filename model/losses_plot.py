"""How the losses of a run's phases fell, as a picture."""

from collections.abc import Sequence

from matplotlib.figure import Figure


def losses_plot(history: Sequence[tuple[str, float, float]]) -> Figure:
    """A panel a phase of (phase, share done, loss): of the encoders on held-out patients, later in training."""
    phases = list(dict.fromkeys(phase for phase, _, _ in history)) or ["nothing was trained"]
    figure = Figure(figsize=(3.2 * len(phases), 2.8), layout="constrained")
    for panel, phase in zip(figure.subplots(1, len(phases), squeeze=False)[0], phases, strict=True):
        points = [(done, loss) for name, done, loss in history if name == phase]
        panel.plot([100 * done for done, _ in points], [loss for _, loss in points])
        panel.set_title(phase)
        panel.set_xlabel("share of epochs done (%)")
        panel.set_ylabel("loss (nats a patient)")
        panel.grid(alpha=0.3)
    return figure
