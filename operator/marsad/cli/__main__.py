"""`python -m marsad.cli`, for images and clones without the console script."""

from marsad.cli.main import app

app(prog_name="marsad")
