"""Tokens and their tags, out of two columns of a table."""

from __future__ import annotations

import json
import re
from typing import Any

from latchwork.datasets.tables import parse
from latchwork.datasets.tables.table import Table

_BLANKS = re.compile(r"[ \t\r\n]+")  # a no-break space may be part of a token


def tokens(table: Table, column: str) -> list[list[str]]:
    """The tokens of each row, at least one: a list of strings (JSON lines, Parquet), or text with blanks between them.

    In CSV a JSON list of strings, ``["New", "York"]``, is read as one too.

    Raises:
        DataError: there is no such column; it holds neither lists nor text; a row has none, or one that is no string.
    """
    return _words(table, column, "token")


def tags(table: Table, tokens_column: str, tags_column: str) -> list[list[str]]:
    """The tags of each row, one for each token of ``tokens_column``; written as :func:`tokens` are.

    Raises:
        DataError: as :func:`tokens`, for either column; or a row has another number of tags than of tokens.
    """
    found = _words(table, tags_column, "tag")
    for row, (words, marks) in enumerate(zip(tokens(table, tokens_column), found, strict=True)):
        if len(words) != len(marks):
            raise table.error(
                f"column '{tokens_column}' has {len(words)} tokens and column '{tags_column}' has {len(marks)} tags; "
                "each token needs one tag",
                row=row,
            )
    return found


def _words(table: Table, column: str, what: str) -> list[list[str]]:
    values = table.column(column)
    if table.typed and (kind := table.kind(column)) not in ("text", "list", "empty"):
        raise table.error(
            f"column '{column}' holds values of the kind '{kind}'; {what}s are a list of strings a row, or text with "
            "blanks between them"
        )
    found = []
    for row, value in enumerate(values):
        try:
            found.append(_split(value, what))
        except ValueError as error:
            raise table.error(f"column '{column}': {error}", row=row) from None
    return found


def _split(value: Any, what: str) -> list[str]:
    if parse.is_missing(value) or value == []:
        raise ValueError(f"there are no {what}s; leave the row out")
    if isinstance(value, str):
        text = value.strip(" \t\r\n")
        if text.startswith("['") and text.endswith("']"):
            raise ValueError(f"{parse.shown(text)} is a list as Python prints it; write it as JSON, or with blanks")
        items = _json(text) or _BLANKS.split(text)
    else:
        items = value
    for index, item in enumerate(items):
        if not isinstance(item, str) or not item.strip(" \t\r\n"):
            blank = item is None or isinstance(item, str)
            raise ValueError(f"{what} {index + 1} is {'missing' if blank else f'no string but {parse.shown(item)}'}")
    return list(items)


def _json(text: str) -> list[Any] | None:
    """The list that a text writes as JSON; None for a text that only begins like one."""
    if not text.startswith('["'):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None
