"""The page in a real browser: live without a reload, honest when cut, right to left, and whole on a phone."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import gateway, sending
from marsad_center.tests.indicators.rows import Rows
from marsad_center.tests.web import past
from marsad_center.tests.web.conftest import Center, analytics, loaded, serving
from marsad_center.tests.web.seed import BUSY_CENTER, busy
from marsad_center.tests.web.test_codes import arrival

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
CUT_CELLS = (
    "[...document.querySelectorAll('td')].filter((td) => td.scrollWidth > td.clientWidth + 1).map((td) => td.innerText)"
)
expect.set_options(timeout=120_000)  # milliseconds, of every expectation; other things share the machine


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed (Debian package chromium)")
    async with async_playwright() as playwright:
        with tempfile.TemporaryDirectory() as home:
            browser = await playwright.chromium.launch(
                executable_path=path, args=FLAGS, env={"HOME": home, "PATH": "/usr/bin:/bin"}
            )
            yield browser
            await browser.close()


class Complaints(list[str]):
    """Everything a page said on its console or threw."""

    def of(self, page: Page) -> Page:
        """Listen to `page`."""
        page.on("console", lambda message: self.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.append(str(error)))
        return page


def figure(page: Page, facility: str, id_: str):
    return page.locator(f'[data-facility="{facility}"][data-indicator="{id_}"] .value')


async def test_a_change_appears_on_the_page_without_a_reload(center: Center, browser: Browser) -> None:
    complaints = Complaints()
    page = complaints.of(await browser.new_page())
    await page.goto(f"{center.url}/?lang=en")
    await expect(page.locator("#link-state")).to_have_text("Live")
    await expect(figure(page, "KAMC", "ed.census")).to_have_text("–")
    await expect(page.locator('td[data-facility="KAMC"][data-indicator="ed.census"] .words')).to_have_text("no data")
    await page.evaluate("window.untouched = true")

    await center.rows.visit("KAMC", ed_arrived_at=datetime.now(UTC), triage_level=2)
    await center.rows.event("KAMC", datetime.now(UTC))
    await center.rows.hint("KAMC")

    await expect(figure(page, "KAMC", "ed.census")).to_have_text("1")
    await expect(figure(page, "", "ed.census")).to_have_text("1")
    await expect(figure(page, "ALNOOR", "ed.census")).to_have_text("–")
    await expect(page.locator('tr[data-facility="KAMC"][data-feed="his"] [data-field="state"]')).to_have_text("Live")
    assert await page.evaluate("window.untouched") is True
    assert complaints == []


async def test_a_cut_stream_is_said_and_a_mended_one_catches_up(database: Database, browser: Browser) -> None:
    async with database.connect("gateway") as gateway:
        rows = await Rows(gateway).registry(CENTER)
        await rows.visit("KAMC")
        await rows.event("KAMC", datetime.now(UTC))
        async with analytics(database):
            page = await browser.new_page()
            async with serving(database) as port:
                await loaded(port)
                await page.goto(f"http://127.0.0.1:{port}/?lang=en")
                await expect(figure(page, "KAMC", "ed.census")).to_have_text("1")
                await expect(page.locator("#banner")).to_be_hidden()
            await expect(page.locator("#banner")).to_contain_text("Data as of")
            await expect(page.locator("#link-state")).to_have_text("Reconnecting…")
            await expect(figure(page, "KAMC", "ed.census")).to_have_text("1")
            await rows.visit("KAMC")
            await rows.event("KAMC", datetime.now(UTC))
            async with serving(database, port):
                await expect(figure(page, "KAMC", "ed.census")).to_have_text("2")
                await expect(page.locator("#banner")).to_be_hidden()


async def test_figures_that_are_no_longer_computed_are_not_shown_as_live(database: Database, browser: Browser) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as writer:
        await Rows(gateway).registry(CENTER)
        async with analytics(database), serving(database) as port:
            await loaded(port)
        for table in ("pulse", "indicator_value"):
            await writer.execute(f"UPDATE {table} SET computed_at = $1", datetime.now(UTC) - timedelta(minutes=5))
        async with serving(database) as port:
            await loaded(port)
            page = await browser.new_page()
            await page.goto(f"http://127.0.0.1:{port}/?lang=en")
            await expect(page.locator("#banner")).to_contain_text("have not been computed since")
            await expect(page.locator("#link-state")).to_have_text("Not current")


@pytest.fixture
async def busy_port(database: Database) -> AsyncIterator[int]:
    """A dashboard with a busy afternoon in it."""
    declared = {**BUSY_CENTER, "locales": ["ar", "en", "fr", "zh"]}
    (database.folder / "center.json").write_text(json.dumps(declared))
    async with database.connect("owner") as owner:
        await busy(Rows(owner))
    async with analytics(database), serving(database) as port:
        await loaded(port)
        yield port


async def test_silence_and_missed_targets_are_listed_as_what_needs_attention(busy_port: int, browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto(f"http://127.0.0.1:{busy_port}/?lang=en")
    attention = page.locator("#attention")
    await expect(attention.locator('[data-kind="silent"]')).to_contain_text("Ajyad Emergency Hospital")
    await expect(attention).to_contain_text("ED occupancy 107%, target 100%")
    await expect(attention).to_contain_text("Feed emr has never sent a message")
    await expect(page.locator('tr[data-row="AJYD"] .badge')).to_have_text("Silent")


async def test_a_feed_that_is_only_refused_is_not_shown_as_live(center: Center, browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto(f"{center.url}/?lang=en")
    await center.rows.refused("KAMC", datetime.now(UTC), 3)
    await center.rows.hint("KAMC")
    row = page.locator('tr[data-facility="KAMC"][data-feed="his"]')
    await expect(row.locator('[data-field="state"]')).to_have_text("Refused")
    await expect(page.locator('tr[data-row="KAMC"] .badge')).to_have_text("Refused")
    await expect(page.locator('#attention [data-kind="refused"]')).to_contain_text("nothing was ever accepted")
    await expect(page.locator("#legend")).to_contain_text("Messages come, but none was accepted")


async def test_a_senders_words_keep_their_script_from_the_wire_to_the_page(
    database: Database, browser: Browser
) -> None:
    """Arabic in 8859/6, Chinese in UTF-8 and French in 8859/1 over MLLP: in the list of unmapped codes, which opens by
    keyboard, and in the parts of a figure."""
    sent = (("8859/6", "iso8859_6", "قلب"), ("UNICODE UTF-8", "utf-8", "心内科"), ("8859/1", "iso8859_1", "Pédiatrie"))
    async with database.connect("owner") as owner:  # a figure with a past has a way to its parts
        await past.remembered(owner, "", "ed.census", datetime.now(UTC) - timedelta(minutes=2), 3)
    async with gateway(database) as ports, analytics(database), serving(database) as port:
        page = await browser.new_page()
        async with sending(ports) as sender:
            for number, (charset, codec, words) in enumerate(sent):
                raw = arrival("HIS|KAMC", words, charset=charset, control=str(number)).encode(codec)
                assert await sender.code(raw) == "AA"
        await loaded(port)
        await page.goto(f"http://127.0.0.1:{port}/?lang=ar")
        await expect(figure(page, "KAMC", "ed.census")).not_to_have_text("–")
        codes = page.locator("#codes")
        await expect(codes.locator("summary")).to_contain_text("3")
        await codes.locator("summary").press("Enter")
        for _charset, _codec, words in sent:
            await expect(codes.locator(f'tr[data-code="{words}"]')).to_contain_text(words)
        trend = page.locator("#panels").get_by_role("button", name="السجل: المرضى في الطوارئ الآن")
        await trend.click()
        dialog = page.locator("#history")
        for _charset, _codec, words in sent:
            await expect(dialog.locator(f'[data-part="specialty:{words}"]')).to_have_text(words)


async def test_messages_that_were_not_measured_by_their_own_time_are_counted_and_explained(
    busy_port: int, browser: Browser
) -> None:
    page = await browser.new_page()
    await page.goto(f"http://127.0.0.1:{busy_port}/?lang=en")
    row = page.locator('tr[data-facility="HERA"][data-feed="his"]')
    await expect(row.locator('[data-field="freshness"]')).to_contain_text("Old 5 · Ahead 2")
    await expect(row.locator('[data-field="state"]')).to_have_text("Live")
    for kind, words in (("backfill", "sends old messages"), ("skewed", "its clock is ahead")):
        await expect(page.locator(f'#attention [data-kind="{kind}"]')).to_contain_text(words)
    legend = page.locator("#legend")
    await expect(legend.locator("dl")).to_be_hidden()
    await legend.locator("summary").press("Enter")
    await expect(legend).to_contain_text("measured from receipt")


@pytest.mark.parametrize("language", ["ar", "en", "fr", "zh"])
async def test_the_page_is_whole_on_a_phone_in_every_language(busy_port: int, browser: Browser, language: str) -> None:
    complaints = Complaints()
    page = complaints.of(await browser.new_page(viewport=PHONE))
    await page.goto(f"http://127.0.0.1:{busy_port}/?lang={language}")
    await expect(figure(page, "KAMC", "ed.census")).to_have_text("51")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert await page.evaluate(CUT_CELLS) == []
    assert await page.evaluate("document.dir") == ("rtl" if language == "ar" else "ltr")
    assert complaints == []


async def test_times_are_the_centers_wherever_the_reader_is(database: Database, browser: Browser) -> None:
    (database.folder / "center.json").write_text(json.dumps({**CENTER, "timeZone": "Asia/Riyadh"}))
    at = datetime.now(UTC)
    async with database.connect("gateway") as gateway:
        rows = await Rows(gateway).registry(CENTER)
        await rows.visit("KAMC")
        await rows.event("KAMC", at)
        async with analytics(database), serving(database) as port:
            await loaded(port)
            page = await browser.new_page(timezone_id="America/New_York")
            await page.goto(f"http://127.0.0.1:{port}/?lang=en")
            cell = page.locator('tr[data-facility="KAMC"][data-feed="his"] [data-field="lastEvent"]')
            in_riyadh = at.astimezone(ZoneInfo("Asia/Riyadh")).strftime("%H:%M")
            await expect(cell).to_contain_text(in_riyadh)
            await expect(page.locator("#clock")).to_contain_text("GMT+3")


async def test_arabic_begins_at_the_right(busy_port: int, browser: Browser) -> None:
    page = await browser.new_page(locale="ar-SA")
    await page.goto(f"http://127.0.0.1:{busy_port}/")
    await expect(figure(page, "KAMC", "ed.occupancy")).to_contain_text("80")
    first = await page.locator("#facilities thead th").first.bounding_box()
    last = await page.locator("#facilities thead th").last.bounding_box()
    assert first is not None
    assert last is not None
    assert first["x"] > last["x"]


async def test_help_opens_by_keyboard_and_says_what_stands_behind_a_figure(busy_port: int, browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto(f"http://127.0.0.1:{busy_port}/?lang=en")
    await expect(figure(page, "KAMC", "ed.census")).to_have_text("51")
    await page.locator('td[data-facility="KAMC"][data-indicator="ed.census"]').focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        await page.keyboard.press(key)
    dialog = page.locator("#help")
    await expect(dialog).to_be_visible()
    await expect(dialog).to_contain_text("ED occupancy · Al-Noor Specialist Hospital")
    await expect(dialog).to_contain_text("divided by the ED treatment spaces")
    await expect(dialog).to_contain_text("44 ED spaces")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


async def test_a_facility_that_is_declared_appears_by_itself(center: Center, browser: Browser, tmp_path: Path) -> None:
    page = await browser.new_page()
    await page.goto(f"{center.url}/?lang=en")
    await expect(page.locator("#link-state")).to_have_text("Live")
    new = {**CENTER["facilities"][0], "code": "NEW", "displayNames": {"en": "New Hospital"}, "feeds": []}
    (center.database.folder / "center.json").write_text(
        json.dumps({**CENTER, "facilities": [*CENTER["facilities"], new]})
    )
    await expect(page.locator('tr[data-row="NEW"] .name')).to_have_text("New Hospital")
