"""Repeated random splits of one sample into training, validation and test rows.

Every split is drawn by scikit-learn: stratified where rows have classes, or by whole groups where rows belong together
(the windows of one recording, the reviews of one author). Split k depends on the seed and k alone, so that a trial cut
short has the same first splits as a long one. Splits in order of time are in ``blocks.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from latchwork.errors import ConfigError, DataError
from latchwork.tasks.labels import class_labels

TEST_FRACTION, VALIDATION_FRACTION = 0.2, 0.15
"""Shares of all rows, unless said otherwise."""

PartName = Literal["train", "validation", "test"]

# Whole groups are drawn blindly; a draw that leaves a class out of a part is thrown away and drawn again.
_DRAWS = 500


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the three parts, disjoint; together they are all rows, unless the rows are steps in time."""

    train: np.ndarray  #: (n_train,) int
    validation: np.ndarray  #: (n_validation,) int
    test: np.ndarray  #: (n_test,) int

    def rows(self, name: PartName) -> np.ndarray:
        """The row numbers of one part."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]

    def without_test(self) -> Split:
        """The same, with the test rows among the training rows."""
        return replace(self, train=np.sort(np.concatenate([self.train, self.test])), test=self.test[:0])


def make_splits(
    y: Sequence[Any] | np.ndarray,
    *,
    repeats: int,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
    seed: int = 0,
    groups: Sequence[Any] | np.ndarray | None = None,
    test_rows: Sequence[int] | np.ndarray | None = None,
) -> list[Split]:
    """``repeats`` random splits; every class is in every part (of given test rows, that is the user's affair).

    Args:
        y: (n,) classes.
        test_fraction, validation_fraction: shares of all rows (with groups: of all groups).
        groups: (n,) what rows belong together; no group is split between parts.
        test_rows: the test rows are these, in every split, and only the validation rows are drawn.

    Raises:
        ConfigError: a fraction, seed or number of repeats that cannot be.
        DataError: one class only; too few rows or groups of a class; test rows that are not rows, or whose group or
            class is at odds with the rest. The message names the class and the count.
    """
    _check_numbers(repeats, test_fraction, validation_fraction, seed, fixed=test_rows is not None)
    labels = class_labels(y)
    groups = group_array(groups, len(labels))
    if test_rows is not None:
        return _fixed_test(labels, groups, test_rows, repeats, validation_fraction, seed)
    everything = np.arange(len(labels))
    rest_fraction = validation_fraction / (1 - test_fraction)
    if groups is None:
        # With this many of each class, rounding cannot leave one out of any part: a part's rows of a class are rounded
        # down at worst; the first division may take 2 rows too many, the second 1 too many from the training rows.
        smallest = max(1 / validation_fraction, 2 / (1 - test_fraction - validation_fraction))
        _check_classes(labels, math.ceil(max(1 / test_fraction, smallest + 2 / (1 - test_fraction))))
    else:
        _check_groups(labels, groups, parts=3)
    splits = []
    for repeat in range(repeats):
        first, second = _states(seed, repeat)
        rest, test = _draw(everything, labels, groups, test_fraction, first, parts_left=2)
        train, validation = _draw(rest, labels, groups, rest_fraction, second, parts_left=1)
        splits.append(Split(train, validation, test))
    return splits


def random_splits(
    n: int,
    *,
    repeats: int,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
    seed: int = 0,
    groups: Sequence[Any] | np.ndarray | None = None,
    rows: str = "rows",
) -> list[Split]:
    """``repeats`` random splits of ``n`` rows that have no classes.

    Args:
        test_fraction, validation_fraction: shares of all rows (with groups: of all groups).
        groups: (n,) what rows belong together; no group is split between parts.
        rows: what they are called in errors.

    Raises:
        ConfigError: a fraction, seed or number of repeats that cannot be.
        DataError: too few rows or groups.
    """
    _check_numbers(repeats, test_fraction, validation_fraction, seed, fixed=False)
    groups = group_array(groups, n)
    rest_fraction = validation_fraction / (1 - test_fraction)
    count = n if groups is None else len(np.unique(groups))
    rest = count - math.ceil(test_fraction * count)
    if rest - math.ceil(rest_fraction * rest) < 1:
        what = rows if groups is None else "groups"
        raise DataError(f"there are {count} {what}, too few to divide into three parts: give more")
    splits = []
    for repeat in range(repeats):
        first, second = _states(seed, repeat)
        rest_rows, test = _draw_any(np.arange(n), groups, test_fraction, first)
        train, validation = _draw_any(rest_rows, groups, rest_fraction, second)
        splits.append(Split(train, validation, test))
    return splits


def group_array(groups: Sequence[Any] | np.ndarray | None, n: int) -> np.ndarray | None:
    """(n,) the groups as an array; DataError where they are not as many."""
    if groups is None:
        return None
    array = np.asarray(groups)
    array = np.asarray(array.tolist()) if array.dtype == object else array  # strings are sorted and shown as strings
    if array.shape != (n,):
        raise DataError(f"groups must have one entry for each of the {n} rows, got {array.shape}")
    return array


def _check_numbers(repeats: int, test_fraction: float, validation_fraction: float, seed: int, *, fixed: bool) -> None:
    if repeats < 1:
        raise ConfigError(f"repeats must be at least 1, got {repeats}")
    if seed < 0:
        raise ConfigError(f"seed must not be negative, got {seed}")
    taken = validation_fraction + (0 if fixed else test_fraction)
    if min(test_fraction, validation_fraction) <= 0 or not taken < 1:
        raise ConfigError(
            "test_fraction and validation_fraction must be positive and leave rows to train on, "
            f"got {test_fraction} and {validation_fraction}"
        )


def _check_classes(labels: np.ndarray, needed: int) -> None:
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count < needed:
            raise DataError(
                f"class {label.item()!r} has {count} rows; splits of this size need at least {needed} of each class: "
                "add rows, or merge or drop the class"
            )


def _check_groups(labels: np.ndarray, groups: np.ndarray, parts: int) -> None:
    for label in np.unique(labels):
        count = len(np.unique(groups[labels == label]))
        if count < parts:
            raise DataError(
                f"class {label.item()!r} occurs in {count} groups; at least {parts} are needed, one for each part, "
                "as no group is split: add groups, or merge or drop the class"
            )


def _states(seed: int, repeat: int) -> tuple[int, int]:
    first, second = np.random.SeedSequence(seed, spawn_key=(0, repeat)).generate_state(2)
    return int(first), int(second)


def _draw_any(
    rows: np.ndarray, groups: np.ndarray | None, fraction: float, state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows left and rows drawn."""
    if groups is None:
        left, drawn = next(ShuffleSplit(1, test_size=fraction, random_state=state).split(rows))
    else:
        left, drawn = next(GroupShuffleSplit(1, test_size=fraction, random_state=state).split(rows, None, groups[rows]))
    return rows[left], rows[drawn]


def _draw(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray | None, fraction: float, state: int, parts_left: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows left and rows drawn; of the rows left, every class can still fill ``parts_left`` parts."""
    y = labels[rows]
    if groups is None:
        left, drawn = next(StratifiedShuffleSplit(1, test_size=fraction, random_state=state).split(y, y))
        return rows[left], rows[drawn]
    classes = set(np.unique(labels))
    g = groups[rows]
    count = len(np.unique(g))
    if math.ceil(fraction * count) < count:  # else the draw would leave nothing
        for left, drawn in GroupShuffleSplit(_DRAWS, test_size=fraction, random_state=state).split(y, y, g):
            if set(y[drawn]) == classes and all(
                len(np.unique(g[left][y[left] == label])) >= parts_left for label in classes
            ):
                return rows[left], rows[drawn]
    rarest = min(classes, key=lambda label: len(np.unique(groups[labels == label])))
    raise DataError(
        f"{_DRAWS} draws of whole groups all left a class out of some part; class {rarest.item()!r} occurs in "
        f"{len(np.unique(groups[labels == rarest]))} of {len(np.unique(groups))} groups: add groups, merge classes, "
        "or take larger fractions"
    )


def _fixed_test(
    labels: np.ndarray,
    groups: np.ndarray | None,
    test_rows: Sequence[int] | np.ndarray,
    repeats: int,
    validation_fraction: float,
    seed: int,
) -> list[Split]:
    test = np.asarray(test_rows)
    if test.ndim != 1 or not np.issubdtype(test.dtype, np.integer) or len(np.unique(test)) != len(test):
        raise DataError("test_rows must be distinct row numbers")
    if len(test) == 0 or test.min() < 0 or test.max() >= len(labels):
        raise DataError(f"test_rows must be row numbers from 0 to {len(labels) - 1}, at least one")
    rest = np.setdiff1d(np.arange(len(labels)), test)
    for label in np.unique(labels[test]):
        if label not in labels[rest]:
            raise DataError(f"class {label.item()!r} is in the test rows only; nothing could learn it")
    fraction = validation_fraction * len(labels) / max(1, len(rest))
    if fraction >= 1:
        raise DataError(f"{len(test)} of {len(labels)} rows are test rows; too few are left to train and validate on")
    if groups is None:
        _check_classes(labels[rest], math.ceil(max(1 / fraction, 2 / (1 - fraction))))
    else:
        shared = np.intersect1d(groups[rest], groups[test])
        if len(shared):
            raise DataError(f"group {shared[0].item()!r} is in the test rows and in others; no group may be split")
        _check_groups(labels[rest], groups[rest], parts=2)
    splits = []
    for repeat in range(repeats):
        train, validation = _draw(rest, labels, groups, fraction, _states(seed, repeat)[1], parts_left=1)
        splits.append(Split(train, validation, test))
    return splits
