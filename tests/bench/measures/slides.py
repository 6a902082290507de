"""Memory of reading and encoding slides that stand for 1, 5 and 20 GB: it must not grow with the slide."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from measures.figures import Figure
from measures.place import Place, Size
from measures.slide_file import write_slide

_GIGABYTES = (1, 5, 20)
_TILES = 4096
"""The reader's own bound."""
_LIMIT = 1.1


def measure_slides(place: Place, size: Size) -> list[Figure]:
    """Peak memory of a process that reads one slide, the smallest against the largest."""
    own = place.installation(place.untrained)
    peaks, lines = {}, []
    for gigabytes in _GIGABYTES:
        slide = place.folder / f"slide-{gigabytes}.tiff"
        write_slide(slide, gigabytes * 10**9)
        found = [_read(place, own.env, slide, size.of(_TILES)) for _ in range(size.runs)]
        peaks[gigabytes] = median(each["peak"] for each in found)
        rise = median(each["peak"] - each["before"] for each in found)
        lines.append(f"{gigabytes} GB: {peaks[gigabytes]:.0f} MB ({rise:.0f} of them for {found[0]['tiles']} tiles)")
    ratio = max(peaks.values()) / peaks[_GIGABYTES[0]]
    return [
        Figure("peak memory of a slide", "; ".join(lines), "–", f"{ratio:.2f}", f"flat: ≤ {_LIMIT} ×", ratio <= _LIMIT)
    ]


def _read(place: Place, env: dict[str, str], slide: Path, tiles: int) -> dict[str, float]:
    command = (sys.executable, "-m", "measures.slide_memory", str(place.untrained), str(slide), str(tiles))
    said = subprocess.run(command, env=env, cwd=place.folder, capture_output=True, check=True)
    found: dict[str, float] = json.loads(said.stdout)
    return found
