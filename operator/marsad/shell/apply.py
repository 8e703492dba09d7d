"""Carries out a plan: writes what differs, many at once, and deletes what is no longer wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from marsad.api.conditions import Reason
from marsad.core.diff import Plan, overwrite
from marsad.core.kinds import kind_of
from marsad.core.outcome import Refused
from marsad.core.world import Key, Manifest
from marsad.shell.errors import ApiError, Conflict, Forbidden, Invalid, Overloaded, Unreachable
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)

GROUND = frozenset({"Namespace", "ServiceAccount", "ResourceQuota", "LimitRange", "NetworkPolicy", "ConfigMap"})
"""Kinds that stand before any workload does: no pod runs for a moment without its policies."""


Live = Mapping[Key, Manifest]
"""What exists, as it was judged."""


@dataclass
class Applied:
    """What came of it. `answers` are pairs of what was applied and answered; `refused` is who said no to what."""

    written: int = 0
    answers: list[tuple[Manifest, Manifest]] = field(default_factory=list)
    refused: dict[Key, Refused] = field(default_factory=dict)


async def carry_out(writer: Writer, plan: Plan, live: Live, done: Applied) -> None:
    """Write the inventory, then the ground, then the workloads; prune only when nothing was refused.

    Refusals are collected, so that one bad object does not hold up the others. Raises Unreachable or Overloaded when
    the server could not be asked, and NotLeader.
    """
    if plan.inventory is not None:
        await _apply_all(writer, (plan.inventory,), live, done)
    if not done.refused:
        ground = [manifest for manifest in plan.apply if manifest["kind"] in GROUND]
        await _apply_all(writer, ground, live, done)
    if not done.refused:
        await _apply_all(writer, [manifest for manifest in plan.apply if manifest["kind"] not in GROUND], live, done)
    if not done.refused:
        done.written += await delete_all(writer, plan.prune, same_version=True)


async def delete_all(
    writer: Writer, live: Iterable[Manifest], *, same_version: bool, foreground: frozenset[str] = frozenset()
) -> int:
    """Delete these very objects; with `same_version`, only if they are still as they were judged. Returns how many.

    Those of a kind in `foreground` stay until what they own is gone, such as a Deployment until its pods are. An object
    that is another by now is left alone: the next look judges it anew.
    """
    deleted = 0
    for item in live:
        key = Key.of(item)
        try:
            kind = kind_of(key.group, key.kind)
            propagation = "Foreground" if kind.kind in foreground else "Background"
            await writer.delete(kind, item, same_version=same_version, propagation=propagation)
            deleted += 1
            log.info("deleted %s", key)
        except Conflict:
            log.info("%s changed meanwhile and is looked at again", key)
    return deleted


async def _apply_all(writer: Writer, manifests: Sequence[Manifest], live: Live, done: Applied) -> None:
    applying = (_apply(writer, manifest, live.get(Key.of(manifest)), done) for manifest in manifests)
    before = len(done.answers)
    answers = await asyncio.gather(*applying, return_exceptions=True)
    if len(done.answers) > before:
        log.info("applied %s", ", ".join(str(Key.of(applied)) for applied, _answer in done.answers[before:]))
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer


async def _apply(writer: Writer, manifest: Manifest, live: Manifest | None, done: Applied) -> None:
    key = Key.of(manifest)
    kind = kind_of(key.group, key.kind)
    try:
        try:
            answer = await writer.apply(kind, manifest)
        except Invalid:
            if live is None:
                raise
            await writer.patch(kind, key.namespace, key.name, overwrite(manifest, live))
            answer = await writer.apply(kind, manifest)
    except (Unreachable, Overloaded):
        raise
    except ApiError as error:
        log.warning("%s was refused: %s", key, error)
        done.refused[key] = refusal(error)
        return
    done.written += 1
    done.answers.append((manifest, answer))


def refusal(error: ApiError) -> Refused:
    """The reason a person reads for an error of the API server."""
    if isinstance(error, Forbidden):
        reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in error.message else Reason.FORBIDDEN
        return Refused(reason, error.message)
    return Refused(Reason.APPLY_FAILED, error.message)
