"""How large would the calibration error be if every prediction were true? As a report says it, of more worlds.

    python docs/evidence/calibration_floor.py COHORT FOLDS.csv SAID.csv [WORLDS [BINS]]

Prints, for each endpoint and year, the error as found, and its mean, 95 % quantile and tail over the worlds.
"""

import sys
from pathlib import Path

from model.cohorts.folder import read_survival
from model.evaluation.calibration_floor import calibration_floors
from model.evaluation.folds import read_folds
from model.evaluation.predictions import read_predictions
from model.evaluation.reliability import BINS
from model.evaluation.report import floors_table
from model.evaluation.study import prepare_study

WORLDS = 500


def main(cohort: Path, folds: Path, said: Path, worlds: int, bins: int) -> None:
    """Print the table."""
    predictions, labels = read_predictions(said)
    study = prepare_study(said.stem, predictions, labels, read_survival(cohort), read_folds(folds))
    sys.stdout.write(floors_table(calibration_floors(study, worlds, (bins,))) + "\n")


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[4:]]
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), *(asked + [WORLDS, BINS][len(asked) :]))
