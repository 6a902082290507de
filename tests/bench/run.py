"""`make bench`: every figure that the project promises, ours beside theirs, as a Markdown table."""

import argparse
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from measures.figures import Figure, table
from measures.forward import measure_circuit, measure_inference
from measures.latency import measure_latency
from measures.observation_road import measure_observation_road
from measures.place import ROOT, Place, Size, bench_place
from measures.roles import JOBS, measure_role
from measures.slides import measure_slides

DOCUMENT = ROOT / "docs" / "evidence" / "bench.md"
MEASURES: Mapping[str, Callable[[Place, Size], list[Figure]]] = {
    "latency": measure_latency,
    **{job.name: measure_role(job.name) for job in JOBS},
    "observation-road": measure_observation_road,
    "circuit": measure_circuit,
    "rows": measure_inference,
    "slides": measure_slides,
}
"""In this order: latency while the broker is new; behind the others it keeps, and compacts, some hundred topics."""
_PACKAGES = ("torch", "pennylane", "aiokafka", "faust-streaming", "faststream", "redis", "pydantic", "openslide-bin")


def main() -> None:
    """Measure, say it, and write it down where asked to."""
    asked = _arguments()
    figures: list[Figure] = []
    with bench_place() as place:
        for name in asked.only or MEASURES:
            sys.stderr.write(f"bench: {name}\n")
            figures += MEASURES[name](place, Size(asked.runs, asked.events))
        network = place.network.name
    sys.stdout.write(f"{table(figures)}\n")
    if asked.write:
        DOCUMENT.write_text(_document(table(figures), asked.runs, network), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="repeat it; default: all")
    parser.add_argument("--runs", type=int, default=5, help="medians over so many")
    parser.add_argument("--events", type=int, help="events a run; default: a few seconds of them")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.relative_to(ROOT)}")
    return parser.parse_args()


def _document(rows: str, runs: int, network: str) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"""# Benchmarks

Written {datetime.now(UTC):%Y-%m-%d} at {_revision()} by `.venv/bin/python tests/bench/run.py {" ".join(sys.argv[1:])}`.

{rows}

Medians of {runs} runs; the two of a ratio ran one after the other. CPU: user and system time of the contender's own
process from the first event to the last commit, start-up left out, the topic filled before; "out" counts the records
of its last topic. The contenders are in `tests/bench/loops`. A patient has several events; figures of the road and of
inference meet no embedding that the memo knows.

Machine: {_processor()}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB,
{platform.system()} {platform.release()}, Python {platform.python_version()}, broker and cache on the same machine.
Versions: {packages}. Network: `{network}`.
"""


def _revision() -> str:
    said = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, check=False)
    return said.stdout.decode().strip() or "an unknown revision"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
