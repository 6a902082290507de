"""`oncostream cohort`: make a cohort folder, invented or from published data."""

from pathlib import Path
from typing import Annotated

import typer

from agents.exits import AskedWrongly
from agents.rows import say, warn
from model.cohorts.folder import EVENTS
from model.cohorts.hancock import write_hancock
from model.cohorts.synthetic import write_synthetic
from model.cohorts.tcga import write_tcga
from model.evaluation.folds import make_folds, rare_of, sites_of, strata_of, write_folds
from model.train_settings import MAX_SEED

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Make a cohort folder: events, files, outcomes, survival."
)
Out = Annotated[Path, typer.Argument(help="The new cohort folder.")]


@app.command("synthetic")
def synthetic(
    out: Out,
    patients: Annotated[int, typer.Option(min=1, help="How many.")] = 200,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The same seed gives the same bytes.")] = 0,
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


@app.command("folds")
def folds(
    cohort: Annotated[Path, typer.Argument(help="A cohort folder.")],
    out: Annotated[Path, typer.Argument(help="The new CSV of patient_id, repeat, fold.")],
    repeats: Annotated[int, typer.Option(min=1, help="How often all patients are tested.")] = 5,
    count: Annotated[int, typer.Option("--folds", min=2, help="Folds a repeat.")] = 5,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The same seed gives the same folds.")] = 0,
    by_site: Annotated[bool, typer.Option("--by-site", help="No site on both sides of a fold.")] = False,
) -> None:
    """Folds of a cohort's patients, stratified by diagnosis and by who had which event."""
    strata, sites = strata_of(cohort), sites_of(cohort) if by_site else None
    try:
        made = make_folds(strata, repeats, count, seed, sites)
    except ValueError as error:  # more folds than patients of any kind, or than sites
        raise AskedWrongly(f"--folds {count}: {error}") from None
    write_folds(out, made)
    if rare := rare_of(strata, count):
        warn(
            f"{rare} of {len(set(strata.values()))} kinds (diagnosis and events) are in fewer than {count} patients: "
            "some folds test none of them"
        )
    say(f"{out}: {len({one.patient for one in made})} patients, {repeats} x {count} folds")


def _said(out: Path) -> None:
    with (out / EVENTS).open("rb") as lines:
        say(f"{out}: {sum(1 for _ in lines)} events")
