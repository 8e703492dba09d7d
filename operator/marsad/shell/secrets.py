"""Makes the passwords and keys of a center: each once, at random, known to nobody else."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable

from marsad.core.kinds import SECRET
from marsad.core.world import Key, Manifest
from marsad.shell.apply import Applied, refusal
from marsad.shell.errors import ApiError, Conflict, Overloaded, Unreachable, without_words
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)

RANDOM_BYTES = 32


async def create_secrets(writer: Writer, skeletons: Iterable[Manifest], done: Applied) -> None:
    """Create each Secret, its empty values made at random. One that exists is kept as it is: see core/secrets.py.

    What the server refuses is told in `done`. Raises Unreachable or Overloaded when it could not be asked.
    """
    creating = (_create(writer, skeleton, done) for skeleton in skeletons)
    for answer in await asyncio.gather(*creating, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer


async def _create(writer: Writer, skeleton: Manifest, done: Applied) -> None:
    key = Key.of(skeleton)
    values = {name: value or secrets.token_urlsafe(RANDOM_BYTES) for name, value in skeleton["stringData"].items()}
    try:
        await writer.create(SECRET, {**skeleton, "stringData": values})
    except (Unreachable, Overloaded):
        raise
    except ApiError as error:
        if isinstance(error, Conflict) and error.exists:
            return
        # The server's sentence may quote the value that it does not like.
        done.refused[key] = refusal(without_words(error, f"{key} was not created"))
        log.warning("%s", done.refused[key].message)
        return
    done.written += 1
    log.info("made the secret values of %s", key)
