"""Properties of the splits: disjoint, complete, every class everywhere, groups whole, deterministic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchwork.errors import ConfigError, DataError
from latchwork.trial.splits import Split, make_splits, random_splits


def parts(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return split.train, split.validation, split.test


def assert_partition(split: Split, rows: int) -> None:
    assert sorted(np.concatenate(parts(split)).tolist()) == list(range(rows))


@given(
    counts=st.lists(st.integers(20, 60) | st.integers(200, 400), min_size=2, max_size=5),
    test_fraction=st.floats(0.1, 0.4),
    validation_fraction=st.floats(0.1, 0.3),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None)
def test_splits_are_partitions_stratified_by_class(
    counts: list[int], test_fraction: float, validation_fraction: float, seed: int
) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat([f"class {i}" for i in range(len(counts))], counts))
    for split in make_splits(
        y, repeats=2, test_fraction=test_fraction, validation_fraction=validation_fraction, seed=seed
    ):
        assert_partition(split, len(y))
        fractions = (1 - test_fraction - validation_fraction, validation_fraction, test_fraction)
        for rows, fraction in zip(parts(split), fractions, strict=True):
            assert len(rows) == pytest.approx(fraction * len(y), abs=2.5)
            for label, count in zip(*np.unique(y, return_counts=True), strict=True):
                found = int((y[rows] == label).sum())
                assert found >= 1
                assert found == pytest.approx(fraction * count, abs=3)


@given(most=st.integers(10, 500), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_the_fewest_rows_that_are_accepted_are_enough(most: int, seed: int) -> None:
    y = np.repeat([0, 1, 2], [most, 10, 10])
    for split in make_splits(y, repeats=2, seed=seed):
        assert all(set(y[rows]) == {0, 1, 2} for rows in parts(split))


@given(rest=st.lists(st.integers(7, 60), min_size=2, max_size=4), test=st.integers(1, 9), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_every_class_is_in_training_and_validation_rows_beside_given_test_rows(
    rest: list[int], test: int, seed: int
) -> None:
    y = np.concatenate([np.zeros(test, dtype=int), np.repeat(np.arange(len(rest)), rest)])
    for split in make_splits(y, repeats=2, seed=seed, test_rows=np.arange(test)):
        assert_partition(split, len(y))
        assert set(y[split.train]) == set(y[split.validation]) == set(range(len(rest)))


@given(data=st.data(), groups=st.integers(8, 25), seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=50)
def test_no_group_is_split(data: st.DataObject, groups: int, seed: int) -> None:
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=groups, max_size=groups))
    group = np.repeat(np.arange(groups), sizes)
    y = np.repeat(np.arange(groups) % 2, sizes)  # whole groups of one class, the hardest case
    for split in make_splits(y, repeats=3, seed=seed, groups=[f"author {g}" for g in group]):
        assert_partition(split, len(y))
        seen = [set(group[rows]) for rows in parts(split)]
        assert seen[0] | seen[1] | seen[2] == set(range(groups))
        assert len(seen[0]) + len(seen[1]) + len(seen[2]) == groups
        assert all(set(y[rows]) == {0, 1} for rows in parts(split))


@given(
    n=st.integers(3, 200),
    grouped=st.booleans(),
    test_fraction=st.floats(0.05, 0.6),
    validation_fraction=st.floats(0.05, 0.35),
    seed=st.integers(0, 10_000),
)
@settings(deadline=None)
def test_rows_without_classes(
    n: int, grouped: bool, test_fraction: float, validation_fraction: float, seed: int
) -> None:
    groups = np.random.default_rng(seed).integers(0, n, n) if grouped else None
    fractions = {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    try:
        splits = random_splits(n, repeats=3, seed=seed, groups=groups, **fractions)
    except DataError as error:
        assert "too few to divide into three parts" in str(error)  # noqa: PT017
        assert (n if groups is None else len(np.unique(groups))) <= 20
        return
    for split in splits:
        assert_partition(split, n)
        assert min(map(len, parts(split))) >= 1
        if groups is None:
            assert len(split.test) == pytest.approx(test_fraction * n, abs=1)
            assert len(split.validation) == pytest.approx(validation_fraction * n, abs=2)
        else:
            assert sum(len(set(groups[part])) for part in parts(split)) == len(set(groups))
    again = random_splits(n, repeats=1, seed=seed, groups=groups, **fractions)[0]
    assert all(np.array_equal(p, q) for p, q in zip(parts(again), parts(splits[0]), strict=True))


def test_all_rows_but_those_that_say_when_to_stop() -> None:
    split = make_splits(np.arange(80) % 2, repeats=1)[0]
    whole = split.without_test()
    assert whole.train.tolist() == sorted([*split.train, *split.test])
    assert whole.validation.tolist() == split.validation.tolist()
    assert len(whole.test) == 0


def test_split_k_depends_on_the_seed_and_k_alone() -> None:
    y = np.arange(80) % 2
    long, short = make_splits(y, repeats=5, seed=3), make_splits(y, repeats=2, seed=3)
    for a, b in zip(long[:2], short, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(parts(a), parts(b), strict=True))
    tests = {tuple(sorted(split.test)) for split in long}
    assert len(tests) == 5
    assert tuple(sorted(make_splits(y, repeats=1, seed=4)[0].test)) not in tests


def test_given_test_rows_are_kept_and_only_validation_rows_vary() -> None:
    y = np.arange(100) % 2
    splits = make_splits(y, repeats=4, test_rows=range(80, 100))
    for split in splits:
        assert_partition(split, 100)
        assert split.test.tolist() == list(range(80, 100))
        assert len(split.validation) == 15
    assert len({tuple(sorted(split.validation)) for split in splits}) == 4


def test_given_test_rows_with_groups() -> None:
    groups = np.repeat(np.arange(20), 5)
    y = groups % 2
    for split in make_splits(y, repeats=3, groups=groups, test_rows=np.arange(80, 100)):
        assert_partition(split, 100)
        assert not set(groups[split.train]) & set(groups[split.validation])
    with pytest.raises(DataError, match="group 15 is in the test rows and in others"):
        make_splits(y, repeats=3, groups=groups, test_rows=np.arange(79, 100))


def test_labels_of_any_kind() -> None:
    for y in (["no", "yes"] * 20, np.array(["no", "yes"] * 20, dtype=object), [True, False] * 20, [1.0, 2.0] * 20):
        assert_partition(make_splits(y, repeats=1)[0], 40)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 50 + ["b"] * 4, "class 'b' has 4 rows; splits of this size need at least 10"),
        (["a"] * 50, "only class 'a'"),
        ([], "y has no rows"),
        (["a", None, "b"], "row 1 has no label"),
        ([0.0, 1.0, float("nan")], "row 2 has no label"),
        (np.zeros((4, 2)), r"array of shape \(4, 2\)"),
    ],
)
def test_unusable_labels_are_refused(y: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_splits(y, repeats=3)  # type: ignore[arg-type]


def test_unusable_groups_are_refused() -> None:
    y = np.arange(60) % 2
    with pytest.raises(DataError, match="one entry for each of the 60 rows"):
        make_splits(y, repeats=3, groups=[1, 2])
    with pytest.raises(DataError, match="class 1 occurs in 2 groups; at least 3"):
        make_splits(np.repeat([0, 1], [50, 10]), repeats=3, groups=np.arange(60) // 5)
    # classes 0 … 9 each in 3 of 3 groups: only one group each is left for train, validation and test, which is possible
    splits = make_splits(np.arange(60) % 10, repeats=3, groups=np.repeat([0, 1, 2], 20))
    assert all(len(part) == 20 for split in splits for part in parts(split))
    with pytest.raises(DataError, match="draws of whole groups all left a class out"):
        make_splits(np.arange(60) % 10, repeats=3, groups=np.repeat([0, 1, 2], 20), test_fraction=0.6)


@pytest.mark.parametrize(
    ("test_rows", "message"),
    [
        ([1, 1], "distinct"),
        ([], "distinct row numbers|at least one"),
        ([100], "from 0 to 99"),
        (list(range(95)), "too few are left"),
        (np.flatnonzero(np.arange(100) % 2), "class 1 is in the test rows only"),
    ],
)
def test_unusable_test_rows_are_refused(test_rows: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_splits(np.arange(100) % 2, repeats=3, test_rows=test_rows)


@pytest.mark.parametrize(
    "options",
    [
        {"repeats": 0},
        {"seed": -1},
        {"test_fraction": 0.0},
        {"validation_fraction": 0.0},
        {"test_fraction": 0.6, "validation_fraction": 0.4},
    ],
)
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        make_splits(np.arange(100) % 2, **({"repeats": 3} | options))  # type: ignore[arg-type]
