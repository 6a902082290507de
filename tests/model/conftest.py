"""Lets the tests of the model import what they share."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # importlib mode: `evaluation_cohort`, `tiny_run`
