"""The page's frame: language, safety, and texts in every language."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from marsad_center.tests.conftest import CENTER
from marsad_center.tests.web.conftest import Center, get
from marsad_center.web.locale import accepted, choose, locales
from marsad_center.web.pages import COOKIE


def keys(texts: dict[str, Any], prefix: str = "") -> set[str]:
    return {
        found
        for key, value in texts.items()
        for found in (keys(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key})
    }


def test_every_language_has_the_same_texts_with_the_same_places() -> None:
    english = locales()["en"]
    assert set(locales()) == {"ar", "en", "fr", "zh"}
    for locale in locales().values():
        assert keys(dict(locale.texts)) == keys(dict(english.texts)), locale.code
        for path in keys(dict(english.texts)):
            ours, theirs = dict(locale.texts), dict(english.texts)
            for key in path.split("."):
                ours, theirs = ours[key], theirs[key]
            assert set(re.findall(r"\{\w+\}", str(ours))) == set(re.findall(r"\{\w+\}", str(theirs))), (
                locale.code,
                path,
            )


@pytest.mark.parametrize(
    ("query", "cookie", "header", "chosen"),
    [
        (None, None, "", "ar"),
        (None, None, "en-GB,en;q=0.9", "en"),
        (None, "en", "ar", "en"),
        ("ar", "en", "en", "ar"),
        ("fr", None, "", "ar"),
        ("xx", "yy", "de, fr;q=0.9, en;q=0.1", "en"),
        (None, None, "en;q=0, ar;q=bad", "ar"),
    ],
)
def test_the_language_is_the_first_wish_that_the_center_offers(query, cookie, header, chosen) -> None:
    assert choose(["ar", "en"], "ar", query=query, cookie=cookie, accept_language=header).code == chosen


def test_wishes_are_ranked_by_quality_and_then_by_place() -> None:
    assert accepted("fr;q=0.5, zh-Hans, ar-SA;q=0.9, en;q=0") == ["zh", "ar", "fr"]


async def test_arabic_is_written_from_right_to_left_and_is_this_centers_default(center: Center) -> None:
    status, headers, html = await get(center.port, "/")
    assert status == 200
    assert '<html lang="ar" dir="rtl">' in html
    assert "تجمع مكة المكرمة الصحي" in html
    assert headers["content-language"] == "ar"


async def test_a_chosen_language_is_remembered(center: Center) -> None:
    _, headers, html = await get(center.port, "/?lang=en")
    assert '<html lang="en" dir="ltr">' in html
    assert headers["set-cookie"].startswith(f"{COOKIE}=en;")
    _, headers, html = await get(center.port, "/", Cookie=f"{COOKIE}=en")
    assert '<html lang="en"' in html
    assert "set-cookie" not in headers


async def test_only_the_languages_of_the_center_are_offered(center: Center) -> None:
    _, _, html = await get(center.port, "/?lang=fr")
    assert '<html lang="ar"' in html
    assert set(re.findall(r'hreflang="(\w+)"', html)) == {"ar", "en"}


async def test_the_page_holds_no_inline_code_and_nothing_from_elsewhere(center: Center) -> None:
    _, _, html = await get(center.port, "/?lang=en")
    for tag in re.findall(r"<script[^>]*>", html):
        assert 'src="/static/' in tag or 'type="application/json"' in tag
    assert not re.search(r"<[^>]+\son\w+=", html)
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)


async def test_a_name_that_holds_markup_stays_a_name(center: Center, eventually) -> None:
    evil = '</script><img src=x onerror="alert(1)">'
    changed = {**CENTER, "displayNames": {"en": evil, "ar": evil}}
    (center.database.folder / "center.json").write_text(json.dumps(changed))

    async def renamed():
        _, _, html = await get(center.port, "/?lang=en")
        return html if "onerror" in html else None

    html = await eventually(renamed)
    assert "<img src=x" not in html


async def test_static_files_may_be_cached_for_ever_because_their_path_changes_with_them(center: Center) -> None:
    _, _, html = await get(center.port, "/")
    path = re.search(r'src="(/static/\w+/app\.js)"', html)
    assert path is not None
    status, headers, _ = await get(center.port, path[1])
    assert (status, headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert "javascript" in headers["content-type"]
