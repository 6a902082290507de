"""`oncostream cohort`: make a cohort folder, invented or from published data."""

from pathlib import Path
from typing import Annotated

import typer

from agents.rows import say
from model.cohorts.folder import EVENTS
from model.cohorts.hancock import write_hancock
from model.cohorts.synthetic import write_synthetic
from model.cohorts.tcga import write_tcga

app = typer.Typer(no_args_is_help=True, help="Make a cohort folder: events, files, outcomes, survival.")
Out = Annotated[Path, typer.Argument(help="The new cohort folder.")]


@app.command("synthetic")
def synthetic(
    out: Out,
    patients: Annotated[int, typer.Option(min=1, help="How many.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    flawed: Annotated[bool, typer.Option("--flawed", help="With records that only dead letters can take.")] = False,
) -> None:
    """Invent patients, with all modalities and missing ones."""
    write_synthetic(out, patients, seed, flawed)
    _said(out)


@app.command("hancock")
def hancock(
    source: Annotated[Path, typer.Argument(help="Folder of the HANCOCK dataset's tables and features.")],
    out: Out,
    with_metastasis: Annotated[
        bool, typer.Option("--with-metastasis", help="With the later metastases, which leak the outcome.")
    ] = False,
) -> None:
    """Head and neck cancer: HANCOCK, 763 patients."""
    write_hancock(source, out, with_metastasis)
    _said(out)


@app.command("tcga")
def tcga(
    source: Annotated[Path, typer.Argument(metavar="ZIP", help="One TCGA study's table, as PORPOISE publishes it.")],
    out: Out,
) -> None:
    """A TCGA study: expression, copy number, mutations, overall survival."""
    write_tcga(source, out)
    _said(out)


def _said(out: Path) -> None:
    with (out / EVENTS).open("rb") as lines:
        say(f"{out}: {sum(1 for _ in lines)} events")
