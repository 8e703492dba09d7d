"""The one page: its frame in the reader's language and the data it starts from; static/ makes it live."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from marsad_center import registry
from marsad_center.indicators.catalogue import Indicator, catalogue
from marsad_center.recommendations.rules import Rule, rules
from marsad_center.web.api import center_document
from marsad_center.web.groups import GROUPS, group
from marsad_center.web.locale import Locale, choose, locales, offer
from marsad_center.web.problems import Problem
from marsad_center.web.snapshot import Snapshot

HERE = Path(__file__).parent
STATIC = HERE / "static"
COOKIE = "marsad-lang"
_YEAR = 365 * 24 * 3600


class _Immutable(StaticFiles):
    """Files under a path that holds the digest of their content: caches may keep them for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        return response


def static_digest() -> str:
    """Digest of all static files: modules import each other relatively, so all share one versioned path."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def routes(snapshot: Snapshot) -> list[BaseRoute]:
    """The page and its static files."""
    # Autoescape always: names come from the declaration and may hold anything.
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("page.html.j2")
    static = f"/static/{static_digest()}"

    async def page(request: Request) -> Response:
        center = snapshot.center
        if center is None:
            raise Problem(503, "not-loaded", "Not loaded yet", "The center's declaration has not been read yet.")
        query = request.query_params.get("lang")
        locale = choose(
            center.locales,
            center.default_locale,
            query=query,
            cookie=request.cookies.get(COOKIE),
            accept_language=request.headers.get("accept-language", ""),
        )
        html = template.render(
            t=locale.texts,
            locale=locale,
            languages=[locales()[code] for code in offer(center.locales)],
            center=center,
            name=localised(center.display_names, locale.code, center.name),
            static=static,
            config=_embedded(_config(center, locale)),
        )
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie", "Content-Language": locale.code}
        response = HTMLResponse(html, headers=headers)
        if query == locale.code:
            response.set_cookie(COOKIE, locale.code, max_age=_YEAR, samesite="lax", httponly=True)
        return response

    return [Route("/", page), Mount(static, _Immutable(directory=STATIC))]


def localised(texts: Any, locale: str, fallback: str) -> str:
    """The text in `locale`, else in English, else whatever there is."""
    return str(texts.get(locale) or texts.get("en") or next(iter(texts.values()), fallback))


def _config(center: registry.Center, locale: Locale) -> dict[str, Any]:
    return {
        "center": center_document(center),
        "locale": {"code": locale.code, "tag": locale.tag, "direction": locale.direction},
        "texts": locale.texts,
        "catalogue": [_entry(indicator, locale.code) for indicator in catalogue().values()],
        "groups": GROUPS,
        "rules": [_rule(rule, locale.code) for rule in rules().values()],
    }


def _entry(indicator: Indicator, locale: str) -> dict[str, Any]:
    name = localised(indicator.names, locale, indicator.id)
    return {
        "id": indicator.id,
        "group": group(indicator),
        "unit": indicator.unit,
        "minimum": indicator.minimum,
        "window": indicator.window,
        "source": indicator.source,
        "name": name,
        "short": localised(indicator.short, locale, name),
        "formula": localised(indicator.formula, locale, ""),
        "numerator": localised(indicator.numerator, locale, ""),
        "denominator": localised(indicator.denominator, locale, ""),
    }


def _rule(rule: Rule, locale: str) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": localised(rule.names, locale, rule.id),
        "sentence": localised(rule.sentence, locale, ""),
        "holdsFor": rule.holds_for,
        "releasedFor": rule.released_for,
        "source": rule.source,
    }


def _embedded(config: dict[str, Any]) -> str:
    """JSON that may stand within a script element of a data type: nothing in it can end the element."""
    text = json.dumps(config, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
