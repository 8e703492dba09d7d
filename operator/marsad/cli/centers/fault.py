"""What a person reads when a command cannot do its work: one sentence, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from marsad.api.model import InvalidObject
from marsad.core.templates import TemplateError
from marsad.shell.connection import NoCluster
from marsad.shell.errors import ApiError, Forbidden, Unreachable
from marsad.shell.settings import BadSetting

EXIT = 2


class Impossible(Exception):
    """The command cannot do what it was asked for; the text says why and what to do."""


@contextmanager
def told(command: str) -> Iterator[None]:
    """Turns the faults that a person can do something about into a sentence on stderr. Others stay tracebacks."""
    try:
        yield
    except Unreachable as error:
        fault = f"the API server does not answer ({error}); does KUBECONFIG point to the right cluster?"
    except Forbidden as error:
        fault = f"not allowed: {error}"
    except NoCluster as error:
        fault = f"no cluster to ask: {error}"
    except (Impossible, ApiError, InvalidObject, TemplateError, BadSetting) as error:
        fault = str(error)
    else:
        return
    typer.secho(f"marsad {command}: {fault}", fg="red", err=True)
    raise typer.Exit(EXIT)
