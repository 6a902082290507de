"""`python -m loops NAME ...`: these loops in one process, until it is ended."""

import asyncio
import sys

from loops.answering import fhir, inference
from loops.asking import assembly, observation
from loops.loop import run
from loops.reading import clinical, genomic, imaging
from streams.settings import read_settings

_JOBS = {
    "clinical": clinical,
    "imaging": imaging,
    "genomic": genomic,
    "assembly": assembly,
    "inference": inference,
    "fhir": fhir,
    "observation": observation,
}


async def _main(names: list[str]) -> None:
    settings = read_settings()
    jobs = [_JOBS[name](settings) for name in names]
    await asyncio.gather(*(run(job, settings) for job in jobs))


asyncio.run(_main(sys.argv[1:]))
