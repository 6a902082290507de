"""`torchrun … one_of_many.py OUT`: train the small phases with the other processes, then fail as one of them does."""

import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from small_phases import PARTS

from model.accelerated import accelerated
from schemas.errors import Reason, Refused


def main(out: Path) -> None:
    """Every process writes its weights, and how the second process's refusal reached it."""
    place = os.environ["RANK"]
    with accelerated() as hardware:
        for name, part in PARTS.items():
            save_file(dict(part(hardware)), out / f"{name}-{place}.safetensors")
        (out / f"rows-{place}").write_text(str(hardware.mine(torch.arange(7)).tolist()))
        (out / f"first-{place}").write_text(hardware.from_first(lambda: place))
        try:
            hardware.together(lambda: refuse() if place == "1" else None)
        except Refused as refusal:
            (out / f"refused-{place}").write_text(refusal.detail)
    names = [task.read_text() for task in Path("/proc/self/task").glob("*/comm")]
    (out / f"left-{place}").write_text(str(sum("gloo" in name for name in names)))


def refuse() -> None:
    """What one process may meet and the others not: a file on its own disk."""
    raise Refused(Reason.FILE_MISSING, "the second process has no such file; copy it")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
