"""The board in a real browser: recommendations that people answer, panels by group, trends, history and forecasts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from marsad_center.indicators.catalogue import catalogue
from marsad_center.tests.conftest import Database
from marsad_center.tests.indicators.rows import Rows
from marsad_center.tests.recommendations.test_audit import following
from marsad_center.tests.web import past
from marsad_center.tests.web.conftest import Center, analytics, loaded, serving
from marsad_center.tests.web.seed import BUSY_CENTER, busy
from marsad_center.tests.web.test_browser import PHONE, Complaints, browser, figure
from marsad_center.web.groups import group

__all__ = ["browser"]  # the fixture

pytestmark = pytest.mark.browser

EVIL = '<img src=x onerror="document.title=1">'
CROWDED = [("ed.occupancy", None, "above", 1.2, 1.0, 1.35, True), ("ed.nedocs", None, "above", 140, 120, None, False)]


@pytest.fixture
async def board(database: Database) -> AsyncIterator[int]:
    """The port of a dashboard with a busy afternoon, its past, forecasts and an open recommendation."""
    (database.folder / "center.json").write_text(json.dumps({**BUSY_CENTER, "locales": ["ar", "en", "fr", "zh"]}))
    now = datetime.now(UTC)
    async with database.connect("owner") as owner:
        await busy(Rows(owner), now)
        for facility in ("", "NOOR"):
            await past.remembered(owner, facility, "ed.census", now, 50)
        await past.expected(owner, "NOOR", now, 8, 318)
        await past.unforeseen(owner, "AJYD", now)
        await past.advised(owner, "NOOR", "ed.divert", now - timedelta(minutes=18), CROWDED)
        lately = await past.advised(owner, "KAMC", "bed.surge", now - timedelta(hours=5), CROWDED[:1])
        await past.answered(owner, lately, "acted", "Omar", EVIL)
        await past.close(owner, lately, now - timedelta(hours=1))
    async with analytics(database), serving(database) as port:
        await loaded(port)
        yield port


async def opened(browser: Browser, port: int, language: str = "en", where: str = "", **options: Any) -> Page:
    page = await browser.new_page(**options)
    await page.goto(f"http://127.0.0.1:{port}/?lang={language}{where}")
    await expect(page.locator("[data-recommendation]").first).to_be_visible()
    return page


async def test_facts_open_a_recommendation_that_one_page_answers_and_another_shows_at_once(
    center: Center, browser: Browser
) -> None:
    complaints = Complaints()
    first, second = [complaints.of(await browser.new_page()) for _ in range(2)]
    for page in (first, second):
        await page.goto(f"{center.url}/?lang=en")
        await expect(page.locator("#advice .calm")).to_be_visible()
        await page.evaluate("window.untouched = true")
    async with following(center.database):
        visits = [await center.rows.visit("SFAC", ed_arrived_at=datetime.now(UTC)) for _ in range(25)]
        await center.rows.event("SFAC", datetime.now(UTC))
        await center.rows.hint("SFAC")
        advice = first.locator('[data-rule="ed.divert"]')
        await expect(advice).to_contain_text("Simulated Hospital")
        await expect(advice).to_contain_text("ED occupancy 125% (limit: above 120%)")
        await expect(first.locator("#announce")).to_have_text(
            "To consider: Consider ambulance diversion, Simulated Hospital"
        )

        await advice.locator("summary").press("Enter")
        await advice.get_by_label("I acted").check()
        await advice.get_by_label("Your name").fill("د. هدى")
        await advice.get_by_label("What you did").fill(EVIL)
        await advice.get_by_role("button", name="Keep answer").press("Enter")

        for page in (first, second):
            there = page.locator('[data-rule="ed.divert"]')
            await expect(there.locator("h3 .status")).to_have_text("acted on")
            await expect(there.locator(".events")).to_contain_text("د. هدى")
            await expect(there.locator(".events q")).to_contain_text(EVIL)

        for visit in visits:
            now = datetime.now(UTC)
            left = {"state": "departed", "in_ed": False, "ed_departed_at": now, "discharged_at": now}
            await center.rows.visit("SFAC", visit, ed_arrived_at=now, **left)
        await center.rows.event("SFAC", datetime.now(UTC))
        await center.rows.hint("SFAC")
        for page in (first, second):
            await expect(page.locator("[data-recommendation]")).to_have_count(0)
            await expect(page.locator("#lately summary")).to_have_text("Closed in the last 24 hours: 1")
            assert await page.evaluate("window.untouched") is True
    assert complaints == []


async def test_what_people_wrote_stays_text(board: int, browser: Browser) -> None:
    page = await opened(browser, board)
    title = await page.title()
    await page.locator("#lately summary").click()
    await expect(page.locator("#lately")).to_contain_text(EVIL)
    assert await page.locator("#lately img").count() == 0
    assert await page.title() == title


async def test_an_answer_that_cannot_be_kept_says_why_and_loses_nothing(board: int, browser: Browser) -> None:
    page = await opened(browser, board)
    form = page.locator('[data-rule="ed.divert"] .answer')
    await form.locator("summary").click()
    await form.get_by_label("Your name").fill("   ")
    await form.get_by_label("What you did").fill("told the ministry")
    await form.get_by_role("button").click()
    await expect(form.get_by_role("alert")).to_contain_text("The answer was not kept. by:")
    await expect(form.get_by_label("What you did")).to_have_value("told the ministry")


async def test_every_figure_of_the_catalogue_stands_in_its_group_and_says_why_it_has_no_value(
    board: int, browser: Browser
) -> None:
    page = await opened(browser, board)
    await expect(figure(page, "", "ed.census")).to_have_text("161")
    for entry in catalogue().values():
        card = page.locator(f'[data-group="{group(entry)}"] [data-facility=""][data-indicator="{entry.id}"]')
        await expect(card).to_have_count(1)
    await expect(page.locator('[data-facility=""][data-indicator="ed.census"] .source')).to_contain_text("newest ")
    await expect(page.locator('[data-indicator="referral.acceptance"] .why')).to_contain_text("None in this window")
    await expect(page.locator('[data-group="diagnostics"] h3 .status')).to_have_text("2 watch")
    await expect(page.locator("#quality")).to_have_text("4 of 7 feeds report")


async def test_a_facility_is_chosen_by_its_name_and_by_the_address(board: int, browser: Browser) -> None:
    page = await opened(browser, board)
    await page.locator('tr[data-row="SHRQ"] button.name').click()
    await expect(page.locator("#scope")).to_have_value("SHRQ")
    card = page.locator('#panels [data-facility="SHRQ"][data-indicator="ed.census"]')
    await expect(card.locator(".why")).to_have_text("No feed has ever sent anything.")
    assert page.url.endswith("#SHRQ")
    other = await opened(browser, board, where="#AJYD")
    await expect(other.locator('#panels [data-indicator="ed.census"] .value')).to_have_text("14")
    await expect(other.locator("#forecasts .why").first).to_have_text("There are 9 days of history, and it takes 28.")


async def test_a_trend_leads_to_the_history_in_a_chart_in_words_and_as_a_table(board: int, browser: Browser) -> None:
    complaints = Complaints()
    page = complaints.of(await opened(browser, board))
    trend = page.get_by_role("button", name="History: Patients in the ED")
    await trend.scroll_into_view_if_needed()
    await expect(trend.locator("path.course")).to_have_count(1)
    await trend.press("Enter")
    dialog = page.locator("#history")
    await expect(dialog).to_contain_text("Patients in the ED · Whole cluster")
    await expect(dialog.locator("#history-words")).to_contain_text("Between ")
    await dialog.locator("summary").click()
    assert await dialog.locator("tbody tr").count() > 80
    await dialog.get_by_role("button", name="7 days").click()
    await expect(dialog.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    await expect(dialog.locator(".plot-area svg path.course")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert complaints == []


async def test_a_figures_parts_stand_under_its_history_and_each_has_its_own(
    board: int, browser: Browser, database: Database
) -> None:
    complaints = Complaints()
    async with database.connect("owner") as owner:
        await past.of_parts(owner, "", "ed.census", datetime.now(UTC), {("triage", "3"): 7777.0})
    page = complaints.of(await opened(browser, board))
    trend = page.get_by_role("button", name="History: Patients in the ED")
    await trend.scroll_into_view_if_needed()
    await expect(trend.locator("path.course")).to_have_count(1)
    await trend.click()
    dialog = page.locator("#history")
    triage = dialog.locator('[data-dimension="triage"]')
    await expect(triage.locator("thead")).to_contain_text("By triage level")
    await expect(triage.get_by_role("button", name="not said")).to_have_count(1)
    level = triage.get_by_role("button", name="Level 3")
    await level.press("Enter")
    await expect(dialog.locator("#history-words")).to_contain_text("last 7,777")
    await expect(level).to_have_attribute("aria-pressed", "true")
    await expect(level).to_be_focused()
    await dialog.get_by_role("button", name="30 days").click()
    await expect(dialog.locator("#history-words")).to_contain_text("last 7,777")
    await level.click()
    await expect(dialog.locator("#history-words")).not_to_contain_text("7,777")
    await expect(level).to_have_attribute("aria-pressed", "false")
    assert complaints == []


async def test_a_forecast_shows_interval_error_and_floor(board: int, browser: Browser) -> None:
    page = await opened(browser, board, where="#NOOR")
    card = page.locator('[data-forecast="forecast.ed.arrivals"]')
    await expect(card.locator("svg .band")).to_have_count(1)
    await expect(card.locator("svg .naive")).to_have_count(1)
    await expect(card).to_contain_text("as a week ago:")
    await expect(card.locator('[data-grain="hour"]')).to_contain_text("MASE 0.74 (1.00), 52 trials")
    await expect(card.locator('[data-grain="day"]')).to_contain_text("WAPE 8% (as a week ago 10%)")


async def test_in_arabic_the_board_begins_at_the_right_and_time_still_runs_left_to_right(
    board: int, browser: Browser
) -> None:
    page = await opened(browser, board, "ar", "#NOOR")
    advice = await page.locator(".advice").bounding_box()
    attention = await page.locator(".attention").bounding_box()
    assert advice is not None
    assert attention is not None
    assert advice["x"] > attention["x"]
    plot = page.locator('[data-forecast="forecast.ed.arrivals"] .plot-times')
    await expect(plot).to_be_visible()
    places = [await plot.locator("span").nth(index).bounding_box() for index in (0, 2)]
    assert places[0] is not None
    assert places[1] is not None
    assert places[0]["x"] < places[1]["x"]


async def test_on_a_phone_groups_are_folded_up_while_nothing_in_them_is_off_target(
    board: int, browser: Browser
) -> None:
    page = await opened(browser, board, viewport=PHONE)
    folded, unfolded = (page.locator(f'[data-group="{name}"]') for name in ("referrals", "feeds"))
    await expect(unfolded.locator(".card").first).to_be_visible()
    await expect(folded.locator(".card").first).to_be_hidden()
    await folded.locator("summary").press("Enter")
    await expect(folded.locator(".card").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
