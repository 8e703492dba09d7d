"""What a person sees: one message changes a figure on the open page, without a reload."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from e2e.kind.center import SIMHOSP, Center, Measured
from e2e.mllp import Sender, arrival, code

pytestmark = [pytest.mark.kind, pytest.mark.browser]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture
def page() -> Iterator[Page]:
    """A fresh page of Debian's Chromium."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser.new_page()
        browser.close()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_one_message_changes_the_figure_on_the_open_page(
    makkah: Center, facility: str, page: Page, language: str, measured: Measured
) -> None:
    page.goto(f"{makkah.dashboard}/?lang={language}")
    census = page.locator(f'[data-facility="{facility}"][data-indicator="ed.census"] .value').first
    expect(census).to_have_text(str(makkah.figure("ed.census", facility)["value"]), timeout=120_000)
    wanted = str(int(census.inner_text()) + 1)
    control = f"page-{language}-{time.time_ns()}"
    with Sender(*makkah.gateway) as sender:
        started = time.monotonic()
        assert code(sender.send(arrival(SIMHOSP, control, control))) == "AA"
    expect(census).to_have_text(wanted, timeout=120_000)
    measured(
        f"{language}: shown {time.monotonic() - started:.2f} s after the message was sent (goal 2 s, promise 120 s)"
    )
    assert page.locator("html").get_attribute("dir") == {"en": "ltr", "ar": "rtl"}[language]


def test_a_facility_that_never_sent_is_named_as_such(makkah: Center, page: Page) -> None:
    states = {row["state"] for row in makkah.json("/api/v1/feeds")}
    assert "never" in states, "two of the three facilities have not sent anything yet"
    page.goto(f"{makkah.dashboard}/?lang=en")
    expect(page.get_by_text("never", exact=False).first).to_be_visible(timeout=120_000)
