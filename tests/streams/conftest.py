"""What the tests of the streams share."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # importlib mode: `step_bench` beside the tests
