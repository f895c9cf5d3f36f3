"""A browser for the page: an installed Chromium, cut off from any network."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need the package playwright")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"the page's tests need a browser, and none of {', '.join(BROWSERS)} is installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a report, given as data or as HTML; whatever goes wrong in the browser fails the test."""
    from latchwork.explain.report import Page

    wrong: list[str] = []
    contexts = []

    def open_(
        report: Mapping[str, Any] | str,
        width: int = 1100,
        *,
        still: bool = True,
        ready: str = "window.latchwork",
        **options: Any,
    ) -> Any:
        path = tmp_path / f"report{len(contexts)}.html"
        path.write_text(report if isinstance(report, str) else Page(report).html(), encoding="utf-8")
        motion = "reduce" if still else "no-preference"
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion=motion, **options)
        contexts.append(context)

        def refuse(route: Any) -> None:
            url = route.request.url
            if url == path.as_uri() or url.startswith("data:"):
                route.continue_()
            else:
                wrong.append(f"the page asked for {url}")
                route.abort()

        context.route("**/*", refuse)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(path.as_uri())
        page.wait_for_function(ready)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
