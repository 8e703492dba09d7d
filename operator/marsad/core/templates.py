"""The folder of Jinja2 templates in which a center is written down, loaded once.

An `{{ expression }}` leaves a numbered slot in the text, and its value is put into the document after that was parsed:
values never meet the YAML parser, so that none can change a document's structure, and centers that differ only in
values share what was parsed. A name that is not defined is an error. `load` is the only function of the core that
reads files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import yaml

from marsad.core.world import Manifest

SUFFIX = ".yaml.j2"
_MEMORY = 64  # centers remembered: more than health clusters that share one Kubernetes cluster

_TAG = "!value"  # of a slot, in YAML
_VALUES = " values"  # of one rendering; no expression can name it


@dataclass(frozen=True)
class _Slot:
    """Where the value of that number belongs."""

    number: int


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # C is quicker, where there is one
    """Knows slots, besides what plain YAML knows."""


_Loader.add_constructor(_TAG, lambda loader, node: _Slot(int(loader.construct_scalar(node))))


class TemplateError(ValueError):
    """A template cannot be rendered, or gives no valid document; the text names the file."""


class Templates:
    """Templates by component (folder) and name, such as `gateway/deployment`. Make with `load` or from texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            finalize=_slot,
            autoescape=False,  # noqa: S701 (what is emitted is YAML, never HTML)
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates = {name: self._environment.from_string(text) for name, text in texts.items()}
        self._folders = {
            folder: tuple(names)
            for folder, names in groupby(self.names, key=lambda name: PurePosixPath(name).parent.as_posix())
        }
        self._made: dict[str, tuple[Manifest, ...]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every template, sorted: `component/file` without suffix."""
        return tuple(sorted(self._templates))

    def of(self, component: str) -> tuple[str, ...]:
        """The templates of one folder, sorted."""
        return self._folders.get(component, ())

    def remembered(self, question: str, make: Callable[[], tuple[Manifest, ...]]) -> tuple[Manifest, ...]:
        """What `make` gave for that question before, or gives now: most passes ask what the pass before asked."""
        if question not in self._made:
            if len(self._made) >= _MEMORY:
                self._made.clear()
            self._made[question] = make()
        return self._made[question]

    def render(self, name: str, context: Mapping[str, Any]) -> list[Manifest]:
        """The documents of a template; empty ones are left out. Raises TemplateError."""
        values: list[Any] = []
        try:
            documents, slots = _parsed(self._templates[name].render({**context, _VALUES: values}))
            if slots != len(values):
                raise TemplateError("an expression must stand for a whole value, and not in a comment or a text")
            made = [_filled(document, values) for document in documents]
        except (jinja2.TemplateError, yaml.YAMLError, TypeError, ValueError) as error:
            raise TemplateError(f"{name}{SUFFIX}: {error}") from error
        return [document for document in made if document]


def load(folder: Path) -> Templates:
    """Read every template below `folder`. Raises TemplateError when there is none or one cannot be parsed."""
    texts = {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        name = path.relative_to(folder).as_posix().removesuffix(SUFFIX)
        texts[name] = path.read_text(encoding="utf-8")
    if not texts:
        raise TemplateError(f"no templates in {folder}")
    try:
        return Templates(texts)
    except jinja2.TemplateError as error:
        raise TemplateError(str(error)) from error


@jinja2.pass_context
def _slot(context: jinja2.runtime.Context, value: Any) -> str:
    """Keep the value for its place, as JSON would say it; the text gets the slot.

    Raises UndefinedError for an undefined name and TypeError for what JSON cannot say.
    """
    if isinstance(value, jinja2.Undefined):
        str(value)  # a StrictUndefined raises its own sentence
    values: list[Any] = context[_VALUES]
    values.append(json.loads(json.dumps(value)))
    return f"{_TAG} {len(values) - 1}"


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Sequence[Any], int]:
    """The documents with their slots, and how many of these there are.

    What differs between centers is in values, so that most of their texts are the same.
    """
    documents = tuple(yaml.load_all(text, Loader=_Loader))
    return documents, len(set(_slots(documents)))


def _slots(part: Any) -> Iterator[_Slot]:
    if isinstance(part, _Slot):
        yield part
    elif isinstance(part, dict):
        for item in part.items():
            yield from _slots(item)
    elif isinstance(part, list | tuple):
        for item in part:
            yield from _slots(item)


def _filled(part: Any, values: Sequence[Any]) -> Any:
    """A copy with the values in their slots."""
    if isinstance(part, _Slot):
        return values[part.number]
    if isinstance(part, dict):
        return {_filled(name, values): _filled(value, values) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(item, values) for item in part]
    return part
