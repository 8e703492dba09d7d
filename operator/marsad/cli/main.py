"""Assembles the command from its subcommands; nothing else happens here."""

import typer

from marsad.cli.centers.diff import diff
from marsad.cli.centers.render import render
from marsad.cli.centers.status import status
from marsad.cli.quarantine.command import codes, quarantine, reprocess
from marsad.cli.simulate.command import simulate

app = typer.Typer(name="marsad", no_args_is_help=True, pretty_exceptions_show_locals=False)


@app.callback()
def marsad() -> None:
    """Declare, compare and watch health resource control centers, and play the facilities that feed them."""


for command in (status, diff, render, simulate, codes, reprocess):
    app.command()(command)
app.add_typer(quarantine, name="quarantine")
