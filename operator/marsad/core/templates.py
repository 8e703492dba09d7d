"""The folder of Jinja2 templates in which a center is written down, loaded once.

Every `{{ expression }}` is emitted as JSON, which is YAML, so that a value never changes a document's structure; a name
that is not defined is an error. `load` is the only function of the core that reads files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import yaml

from marsad.core.world import Manifest

SUFFIX = ".yaml.j2"
_MEMORY = 64  # centers remembered: more than health clusters that share one Kubernetes cluster

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TemplateError(ValueError):
    """A template cannot be rendered, or gives no valid document; the text names the file."""


class Templates:
    """Templates by component (folder) and name, such as `gateway/deployment`. Make with `load` or from texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            finalize=as_json,
            autoescape=False,  # noqa: S701 (what is emitted is JSON within YAML, never HTML)
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates = {name: self._environment.from_string(text) for name, text in texts.items()}
        self._made: dict[str, tuple[Manifest, ...]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every template, sorted: `component/file` without suffix."""
        return tuple(sorted(self._templates))

    def of(self, component: str) -> tuple[str, ...]:
        """The templates of one folder, sorted."""
        return tuple(name for name in self.names if PurePosixPath(name).parent.as_posix() == component)

    def remembered(self, question: str, make: Callable[[], tuple[Manifest, ...]]) -> tuple[Manifest, ...]:
        """What `make` gave for that question before, or gives now: most passes ask what the pass before asked."""
        if question not in self._made:
            if len(self._made) >= _MEMORY:
                self._made.clear()
            self._made[question] = make()
        return self._made[question]

    def render(self, name: str, context: Mapping[str, Any]) -> list[Manifest]:
        """The documents of a template; empty ones are left out. Raises TemplateError."""
        try:
            text = self._templates[name].render(context)
            return [document for document in yaml.load_all(text, Loader=_Loader) if document]
        except (jinja2.TemplateError, yaml.YAMLError, TypeError) as error:
            raise TemplateError(f"{name}{SUFFIX}: {error}") from error


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


def as_json(value: Any) -> str:
    """A value as JSON on one line that YAML reads back as the same value.

    Characters that YAML calls unprintable or takes for line breaks are escaped; the others stay readable. Raises
    UndefinedError for an undefined name and TypeError for what JSON cannot say.
    """
    if isinstance(value, jinja2.Undefined):
        str(value)  # a StrictUndefined raises its own sentence
    text = json.dumps(value, ensure_ascii=False)
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _plain(ord(char)) else _escape(ord(char)) for char in text)


def _plain(code: int) -> bool:
    return (
        0x20 <= code <= 0x7E
        or (0xA0 <= code <= 0xD7FF and code not in (0x2028, 0x2029))
        or (0xE000 <= code <= 0xFFFD and code != 0xFEFF)
        or 0x10000 <= code <= 0x10FFFF
    )


def _escape(code: int) -> str:
    return f"\\u{code:04x}"
