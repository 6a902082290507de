"""Lets the tests of the agents import what those of the model and of the streams write."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # importlib mode: `guarded_servers`
sys.path.append(str(Path(__file__).parents[1] / "model"))  # `dnabert_folder` in another folder
sys.path.append(str(Path(__file__).parents[1] / "streams"))  # `raw_names` in another folder
