"""`marsad`, also as `kubectl marsad`: what a person asks of centers from a terminal."""

from marsad.cli.main import app

__all__ = ["app"]
