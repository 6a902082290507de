"""`python -m measures.slide_memory NETWORK SLIDE TILES`: read and encode one slide, say what memory it took."""

import json
import resource
import sys
from pathlib import Path

import psutil

from model.arrival import load_encoders
from model.readers.slide import SlideRules, read_slide
from streams.settings import Places


def main(network: Path, slide: Path, tiles: int) -> None:
    """Write megabytes before and at most, and the tiles read, as JSON."""
    encoder, _ = load_encoders(network, Places().backbones)
    before = psutil.Process().memory_info().rss / 1e6
    read = 0

    def counted():  # type: ignore[no-untyped-def]
        nonlocal read
        for tile in read_slide([slide], encoder.tile_pixels, SlideRules(max_tiles=tiles)):
            read += 1
            yield tile

    encoder.encode_tiles(counted())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    sys.stdout.write(json.dumps({"before": before, "peak": peak, "tiles": read}))


main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
