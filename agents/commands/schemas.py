"""`oncostream schemas`: what travels, as JSON Schemas and an AsyncAPI document."""

from pathlib import Path
from typing import Annotated

import typer

from agents.rows import say
from schemas.catalogue import write_schemas


def schemas(out: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """Write the JSON Schema of each record and the AsyncAPI document into a folder."""
    for path in write_schemas(out):
        say(str(path))
