"""Lets the tests of the agents import what those of the model and of the streams write."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "model"))  # importlib mode: `dnabert_folder` in another folder
sys.path.append(str(Path(__file__).parents[1] / "streams"))  # `raw_names` in another folder
