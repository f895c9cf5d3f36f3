"""The structs of ``csrc/plan.h`` as rows of 64-bit words, written by the names that the header declares.

The header's own text says which fields there are and in which order, so that no position is counted twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

from latchwork.kernels.build import CSRC

Word: TypeAlias = int | tuple[str, int] | None  # a number; an address as a base and an offset in bytes; null
Fields: TypeAlias = Mapping[str, int]  # name → number of words, in order


def parse(header: str) -> dict[str, Fields]:
    """The structs that a header defines."""
    text = re.sub(r"//.*", "", header)
    structs: dict[str, Fields] = {}
    for name, body in re.findall(r"struct (\w+) \{(.*?)\};", text, re.DOTALL):
        declared = [part for line in body.split(";") if line.strip() for part in line.split(",")]
        found = [re.search(r"(\w+)(?:\[(\d+)\])?\s*$", part) for part in declared]
        structs[name] = {field[1]: int(field[2] or 1) for field in found if field}
    return structs


@cache
def _header() -> str:
    return (CSRC / "plan.h").read_text(encoding="utf-8")


@cache
def _structs() -> dict[str, Fields]:
    return parse(_header())


@cache
def kinds() -> dict[str, int]:
    """enum Kind: how a buffer's rows are found."""
    body = _header().partition("enum Kind")[2].partition("};")[0]
    return {name: int(number) for name, number in re.findall(r"(\w+) = (\d+),", body)}


def words_in(struct: str) -> int:
    """Words of a struct."""
    return sum(_structs()[struct].values())


def row(struct: str, **words: Word | list[Word]) -> list[Word]:
    """A struct's words in the order of its declaration; every field has to be given, an array as a list.

    Raises:
        TypeError: the header declares other fields, or an array of another length.
    """
    fields = _structs()[struct]
    if words.keys() != fields.keys():
        other = ", ".join(sorted(words.keys() ^ fields.keys()))
        raise TypeError(f"struct {struct} of plan.h and its writer do not have the same fields: {other}")
    written: list[Word] = []
    for name, due in fields.items():
        given = words[name]
        several = given if isinstance(given, list) else [given]
        if len(several) != due:
            raise TypeError(f"struct {struct} of plan.h: {name} is {due} words, but {len(several)} are given")
        written += several
    return written
