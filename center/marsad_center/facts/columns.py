"""A batch of rows as the arguments of one statement: a column is one array, written as PostgreSQL's own literal.

Why literals: asyncpg asks every element of an array argument what it is, half a microsecond each, and a message has
fifty. A literal is one text that is joined here and read by the server as fast as its binary form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Columns:
    """Columns by name and SQL type, to insert or join with: `SELECT {source}` in a statement, `arguments` beside it.

    Types: text, any integer, boolean, timestamptz (with time zone in Python; exact to the microsecond until 2255, to
    the second for ever), bytea. Of the texts in `nullable` an empty one becomes null.
    """

    def __init__(self, types: Mapping[str, str], nullable: Iterable[str] = ()) -> None:
        self._types = tuple(types.values())
        self.names = ", ".join(types)
        arrays = ", ".join(f"${number}::{_array(kind)}" for number, kind in enumerate(self._types, start=1))
        values = (_value(name, kind, nullable=name in set(nullable)) for name, kind in types.items())
        self._rows = f"unnest({arrays}) AS n ({self.names})"
        self.source = f"{', '.join(values)} FROM {self._rows}"

    def each(self, found: str) -> str:
        """For FROM: the rows given as `n` (its times as numbers), each with all that the query `found` finds as `f`.

        `found` asks for one `n`, so an index answers it. A plain join leaves that to the planner, which plans while a
        center is young: it would read the whole table for each batch, and keep to that while the table grows."""
        return f"{self._rows} CROSS JOIN LATERAL ({found} OFFSET 0) AS f"

    def arguments(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """What the statement gets; `rows` has one at least."""
        return [
            list(column) if kind == "bytea" else _LITERALS.get(kind, _numbers)(column)
            for kind, column in zip(self._types, zip(*rows, strict=True), strict=True)
        ]


def _array(kind: str) -> str:
    if kind == "bytea":
        return "bytea[]"
    return "text::bigint[]" if kind == "timestamptz" else f"text::{kind}[]"


def _value(name: str, kind: str, *, nullable: bool) -> str:
    if kind == "timestamptz":
        return f"timestamptz 'epoch' + n.{name} * interval '1 microsecond' AS {name}"
    return f"nullif(n.{name}, '') AS {name}" if nullable else f"n.{name}"


def _texts(column: Sequence[str | None]) -> str:
    if None not in column:
        joined = '","'.join(column)  # type: ignore[arg-type]
        if "\\" not in joined and joined.count('"') == 2 * len(column) - 2:
            return f'{{"{joined}"}}'
    return "{" + ",".join(["NULL" if text is None else _quoted(text) for text in column]) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _times(column: Sequence[datetime | None]) -> str:
    return "{" + ",".join(["NULL" if at is None else _microseconds(at) for at in column]) + "}"


@lru_cache(maxsize=4096)  # one time stands in a message, its facts and what they come to
def _microseconds(at: datetime) -> str:
    since = at - _EPOCH
    return str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _numbers(column: Sequence[int | None]) -> str:
    return "{" + ",".join(["NULL" if number is None else str(number) for number in column]) + "}"


_LITERALS: Mapping[str, Callable[[Sequence[Any]], str]] = {"text": _texts, "timestamptz": _times}
