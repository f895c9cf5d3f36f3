"""What each task adds to the page's data: one file a task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from latchwork.explain.pages.classify import ClassifyPage
from latchwork.explain.pages.forecast import ForecastPage
from latchwork.explain.pages.generate import GeneratePage
from latchwork.explain.pages.page import TaskPage
from latchwork.explain.pages.tag import TagPage

PAGES: Mapping[str, type[TaskPage]] = MappingProxyType(
    {"classify": ClassifyPage, "tag": TagPage, "generate": GeneratePage, "forecast": ForecastPage}
)
"""Task → its page."""
