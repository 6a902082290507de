"""Predictions against each other: each model's figures, and the first model's paired differences to the others.

    python docs/evidence/compare.py COHORT FOLDS.csv OURS.csv OTHER.csv ...

Prints Markdown: Uno's and Harrell's C, Brier skill and calibration errors of each endpoint and of the mean of the
cohort's first two, 95 % intervals over 1 000 draws of patients.
"""

import sys
from pathlib import Path

from model.evaluation.folds import read_folds
from model.evaluation.judged import judge_file
from model.evaluation.measure import compare

SHOWN = ("Uno C, 5 y", "Harrell C", "Brier skill, 0-5 y", "ECE, 2 y", "ECE, 5 y", "accuracy", "log loss (nats)")
DRAWS = 1000


def main(cohort: Path, folds: Path, files: list[Path]) -> None:
    """Print the table."""
    first, *others = (judge_file(file, cohort, read_folds(folds), DRAWS) for file in files)
    apart = [{(one.metric, one.endpoint): one for one in compare(first, other)} for other in others]
    names = [other.study.name for other in others]
    heads = " | ".join(f"{name} | minus it" for name in names)
    sys.stdout.write(f"| endpoint | metric | {first.study.name} | {heads} |\n|{'---|' * (3 + 2 * len(names))}\n")
    for row in first.rows():
        if row.metric not in SHOWN:
            continue
        cells = [f"{row.value:.3f} ({row.low:.3f}…{row.high:.3f})"]
        for other, differences in zip(others, apart, strict=True):
            key = row.metric, row.endpoint
            there = differences.get(key)
            said = f"{there.value:+.3f} ({there.low:+.3f}…{there.high:+.3f})" if there else "–"
            cells += [f"{other.figures[key][0]:.3f}" if key in other.figures else "–", said]
        sys.stdout.write(f"| {row.endpoint} | {row.metric} | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(file) for file in sys.argv[3:]])
