"""Lets the tests of the agents import the small folders that the tests of the model write."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "model"))  # importlib mode: `dnabert_folder` in another folder
