"""Promise 6: memory does not grow with a patient's history, a VCF or the uptime."""

import asyncio
import tracemalloc
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from events_in import NOON, VCF, Sent, observation, sequencing, variant
from road import LayRoad, last_results

from model.readers.vcf import read_vcf
from schemas.evidence import Evidence
from schemas.request import Request
from schemas.result import Result

CAP = 24
ROUND = 250
GROWTH_BYTES = 24 * 2**20
"""What the allocator and the libraries may still take after the first round; a round of kept pictures takes more."""


def history(first: int, number: int) -> list[Sent]:
    """Ever newer values of one patient, each a source of its own."""
    times = [(NOON + timedelta(minutes=first + each)).isoformat() for each in range(number)]
    return [observation("p", f"o-{first + each}", 9.0, effectiveDateTime=time) for each, time in enumerate(times)]


@pytest.mark.slow
def test_a_patient_with_a_long_history_is_capped_flagged_and_costs_no_more_memory(lay_road: LayRoad) -> None:
    road = lay_road(trigger_cap=str(CAP), trigger_deadline="PT0S")
    used: list[int] = []

    async def live() -> tuple[list[Result], list[Request], int]:
        worker = road.start()
        for round_ in range(4):
            await road.send(history(round_ * ROUND, ROUND))
            await road.settled()
            used.append(psutil.Process(worker.popen.pid).memory_info().rss)
        async with road.redis() as redis:
            (name,) = [key async for key in redis.scan_iter(f"{road.prefix}*:patient:p")]
            fields = await redis.hlen(name)
        requests = [Request.model_validate_json(m.value or b"") for m in await road.read(road.topics.requests)]
        return await road.results(), requests, fields

    results, requests, fields = asyncio.run(live())
    assert fields <= CAP + 2  # the header and its version
    assert max(len(request.evidence) for request in requests) <= CAP
    last = last_results(results)["p"]
    assert last.truncated
    assert {used.source for used in last.evidence} == {f"Observation/o-{4 * ROUND - 1 - n}" for n in range(CAP)}
    assert used[-1] - used[0] < GROWTH_BYTES


def peak_of_reading(path: Path, lines: int) -> int:
    """Most bytes that Python held while it read a VCF of so many variants."""
    with path.open("w", encoding="ascii") as file:
        file.write(VCF)
        for number in range(lines):
            file.write(variant(f"G{number % 500}", 1 + number % 60, position=1000 + number))
    tracemalloc.start()
    try:
        found = read_vcf(path, at=NOON, assay="panel")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert len(found.tokens) == 256


def test_a_vcf_four_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    short, long = (peak_of_reading(tmp_path / "one.vcf", lines) for lines in (6_000, 24_000))
    assert long < 1.2 * short


@pytest.mark.slow
def test_a_vcf_of_many_variants_becomes_one_bounded_piece_that_says_so(lay_road: LayRoad) -> None:
    road = lay_road()
    lines = "".join(variant(f"G{number}", 1 + number % 60, position=1000 + number) for number in range(5_000))

    async def live() -> list[Evidence]:
        road.start("genomic")
        await road.send([sequencing("p", "s", lines)])
        await road.until_there_are(1, road.topics.evidence)
        return [Evidence.model_validate_json(m.value or b"") for m in await road.read(road.topics.evidence)]

    (piece,) = asyncio.run(live())
    assert len(piece.tokens) == 256
    assert "truncated" in piece.flags


@pytest.mark.slow
def test_a_batch_of_files_begins_with_one_and_stays_under_its_limit(lay_road: LayRoad) -> None:
    road = lay_road(kafka_heavy_poll_records="4")

    async def live() -> str:
        await road.send([sequencing(f"p-{number}", "s", variant("TP53", 30)) for number in range(40)])
        worker = road.start("genomic")
        await road.settled(roles=["genomic"])
        return worker.metrics()

    said = dict(line.rsplit(" ", 1) for line in asyncio.run(live()).splitlines() if line[0] != "#")
    one, four = (float(said[f'oncostream_batch_rows_bucket{{le="{most}.0",role="genomic"}}']) for most in (1, 4))
    assert one >= 1
    assert four == float(said['oncostream_batch_rows_count{role="genomic"}'])
    assert float(said['oncostream_batch_rows_sum{role="genomic"}']) == 40
