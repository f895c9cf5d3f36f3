"""Which task a file is for: what the options say, else what its columns look like; and the reasons, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from latchwork.cli.readings.classify import ClassifyReading
from latchwork.cli.readings.columns import Columns
from latchwork.cli.readings.forecast import ForecastReading
from latchwork.cli.readings.generate import GenerateReading, is_plain
from latchwork.cli.readings.reading import Reading, no_columns
from latchwork.cli.readings.tag import TagReading, is_conll
from latchwork.errors import ConfigError


@dataclass(frozen=True)
class Asked:
    """What the command line was told; None and () where it was not."""

    task: str | None = None
    label: str | None = None
    text: str | None = None
    series: tuple[str, ...] = ()
    tokens: str | None = None
    tags: str | None = None
    time: str | None = None
    target: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    horizon: int | None = None
    season: int | None = None
    group: str | None = None
    unit: str | None = None


_UNITS = ("characters", "bytes", "subwords")

# Options that name columns, of which each has one role.
_ROLES = ("label", "text", "series", "tokens", "tags", "time", "target", "known", "group")

# Options that belong to one task alone, and those that each task takes.
_OF = {
    "classify": {"label", "text", "series", "group"},
    "tag": {"tokens", "tags", "group"},
    "generate": {"text", "group", "unit"},
    "forecast": {"time", "target", "known", "horizon", "season", "group"},
}


def infer(path: Path, asked: Asked) -> tuple[Reading, list[str]]:
    """How to read a file, and sentences on what was inferred, none if all was said.

    Raises:
        ConfigError: options of different tasks, or a file that could be several things: the message says what to add.
        DataError: the file cannot be read.
    """
    if asked.task is not None and asked.task not in _OF:
        raise ConfigError(f"--task must be one of {', '.join(_OF)}, not {asked.task!r}")
    if asked.text is not None and asked.series:
        raise ConfigError("give --text for a column of texts or --series for columns of numbers, not both")
    if asked.unit not in (None, *_UNITS):
        raise ConfigError(f"--unit must be one of {', '.join(_UNITS)}, not {asked.unit!r}")
    _one_role_each(asked)
    given = {field.name for field in fields(asked) if getattr(asked, field.name) not in (None, ())} - {"task"}
    possible = [task for task in _OF if given <= _OF[task] and asked.task in (None, task)]
    if not possible:
        mine = _OF.get(asked.task or "", set())
        wrong = sorted(given - mine) if mine else sorted(given)
        named = ", ".join(f"--{name}" for name in wrong)
        tail = f"are no options of the task {asked.task}" if mine else "belong to different tasks"
        raise ConfigError(f"{named} {tail}; see latchwork fit --help")
    if is_conll(path) or is_plain(path):
        task = "tag" if is_conll(path) else "generate"
        if task not in possible:
            raise ConfigError(f"{path.name} is read for the task {task}, but the options are of {', '.join(possible)}")
        no_columns(path, text=asked.text, tokens=asked.tokens, tags=asked.tags, group=asked.group)
        what = "a token a line and its tag last" if task == "tag" else "plain text"
        said = [] if asked.task else [f"{path.name} holds {what}: {_WORDS[task]}."]
        return (TagReading() if task == "tag" else GenerateReading(unit=asked.unit)), said
    return _of_table(Columns(path), asked, possible, given)


_WORDS = {
    "classify": "a class is learned for each row",
    "tag": "a tag is learned for each token",
    "generate": "the text is learned, to go on with it",
    "forecast": "the next steps are learned",
}


def _one_role_each(asked: Asked) -> None:
    taken: dict[str, str] = {}
    for role in _ROLES:
        value = getattr(asked, role)
        for name in (value,) if isinstance(value, str) else value or ():
            if taken.setdefault(name, role) != role:
                raise ConfigError(f"column '{name}' is given with --{taken[name]} and with --{role}; leave out one")
        if isinstance(value, tuple) and (twice := [name for name in value if value.count(name) > 1]):
            raise ConfigError(f"--{role} names the column '{twice[0]}' twice; give each once")


def _of_table(columns: Columns, asked: Asked, possible: Sequence[str], given: set[str]) -> tuple[Reading, list[str]]:
    notes: list[str] = []

    def only(role: str, found: Sequence[str], option: str, but: Sequence[str | None] = ()) -> str:
        """The one column for a role, said in a note; several or none are for the user to choose from."""
        left = [name for name in found if name not in but]
        if len(left) != 1:
            what = f"several columns could be {role}: {', '.join(left)}" if left else f"no column looks like {role}"
            raise ConfigError(f"{columns.path.name}: {what}; say which with {option}")
        notes.append(f"'{left[0]}' is taken as {role}")
        return left[0]

    task = _task(columns, asked, possible, given)
    if task == "tag":
        tokens, marks = asked.tokens, asked.tags
        if tokens is None or marks is None:
            pairs = [p for p in columns.tagged() if tokens in (None, p[0]) and marks in (None, p[1])]
            pairs = [p for p in pairs if asked.group not in p]
            if len(pairs) != 1:
                raise ConfigError(
                    f"{columns.path.name}: say which columns hold the tokens and their tags: --tokens COL --tags COL"
                )
            tokens, marks = pairs[0]
            notes.append(f"'{tokens}' is taken as the tokens and '{marks}' as their tags")
        reading: Reading = TagReading(tokens, marks, asked.group)
    elif task == "generate":
        documents = asked.text or only("the texts", columns.texts(), "--text", (asked.group,))
        reading = GenerateReading(documents, asked.group, asked.unit)
    elif task == "forecast":
        reading = _forecast(columns, asked, notes, only)
    else:
        text, series = asked.text, asked.series
        label = asked.label or only("the classes", columns.classes(), "--label", (text, *series, asked.group))
        if text is None and not series:
            texts = [name for name in columns.texts() if name not in (label, asked.group)]
            lists = [name for name in columns.lists() if name not in (label, asked.group)]
            if lists and not texts:
                series = tuple(lists)
                notes.append(
                    f"{_quoted(series)} {'is' if len(series) == 1 else 'are'} taken as the channels of a series"
                )
            elif not texts:
                series = tuple(name for name in columns.numbers() if name not in (label, asked.group))
                if len(series) < 2:
                    raise ConfigError(
                        f"{columns.path.name}: say what to read: --text COL for a column of texts, --series COL for "
                        "columns of numbers"
                    )
                notes.append(f"the {len(series)} columns of numbers are taken as the steps of a series")
            else:
                text = only("the text", texts, "--text")
        reading = ClassifyReading(text, series, label, asked.group)
    if asked.task is None and not given & (_OF[task] - {"text", "group"}):
        notes.append(_WORDS[task])
    return reading, [f"{'; '.join(notes)}."] if notes else []


def _forecast(columns: Columns, asked: Asked, notes: list[str], only: Callable[..., str]) -> ForecastReading:
    time, target = asked.time, asked.target
    taken = {asked.group, *asked.known, *target}
    if time is None:
        # Times that fall are taken too, to be refused with their row: without any, the order would be trusted.
        for found in (columns.times(), columns.times(rising=False), columns.counted_times(asked.group)):
            if left := [name for name in found if name not in taken]:
                time = only("the time", left, "--time")
                break
    if not target:
        left = [name for name in columns.numbers() if name not in {time, *taken}]
        counters = [name for name in left if columns.counts(name, asked.group)]
        target = tuple(name for name in left if name not in counters)
        if not target:
            but = f" but {_quoted(counters)}, which only counts the steps" if counters else ""
            raise ConfigError(f"{columns.path.name} has no column of numbers to forecast{but}; say which with --target")
        notes.append(f"{_quoted(target)} {'is' if len(target) == 1 else 'are'} to be forecast")
        if counters:
            one = len(counters) == 1
            notes.append(
                f"{_quoted(counters)} {'counts' if one else 'count'} the steps and {'is' if one else 'are'} left out"
            )
    if asked.horizon is None:
        raise ConfigError(
            f"{columns.path.name} looks like series over time ({'; '.join(notes) or 'as the options say'}); say how "
            "many steps ahead to forecast: --horizon 24"
        )
    return ForecastReading(time, target, asked.horizon, asked.known, asked.group, asked.season)


def _task(columns: Columns, asked: Asked, possible: Sequence[str], given: set[str]) -> str:
    if asked.task is not None:
        return asked.task
    telling = given - {"text", "group"}
    if telling:
        return possible[0]  # such an option belongs to one task alone
    if "text" not in given:
        if columns.tagged():
            return "tag"
        if columns.times() and columns.numbers() and not columns.texts():
            return "forecast"
    if [name for name in columns.classes() if name not in (asked.text, asked.group)]:
        return "classify"
    if asked.text is not None or columns.texts():
        return "generate"
    if len(columns.numbers()) > 1 and columns.counted_times(asked.group):
        return "forecast"
    raise ConfigError(
        f"{columns.path.name}: its columns ({', '.join(columns.table.names[:10])}) do not tell what to learn. Say one "
        "of: --label COL (a class a row), --tokens COL --tags COL, --text COL alone (go on with texts), or --time COL "
        "--horizon N (forecast)"
    )


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
