"""How often the trial declares a difference where there is none, over many more trials than the tests run.

The learners and the data are those of tests/trial/test_honesty.py: echo state networks on short series, coders of texts
by the frequency of letters, and forecasts from a single value.

    python benchmarks/honesty.py --trials 2000
    python benchmarks/honesty.py --blocks --trials 20000    # the test of blocks in time alone, on made-up differences
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "trial"))

import numpy as np
from test_honesty import (
    Always,
    EchoState,
    EverySecond,
    OneBefore,
    OneChannel,
    declared,
    documents,
    rate,
    series,
    verdicts,
    wandering,
)

from latchwork.tasks.timeseries import TimeSeries, every_origin
from latchwork.trial import ForecastProblem, GenerateProblem
from latchwork.trial.statistics import LEVEL, blocks_t_test


def blocks(trials: int) -> None:
    """Print how often blocks in time, an autoregression about 0, are declared different, by how alike they are."""
    generator = np.random.default_rng(0)
    for count in (3, 5, 10):
        rates = []
        for likeness in (0.0, 0.3, 0.5, 0.7, 0.8):
            rows = generator.normal(size=(trials, count))
            for j in range(1, count):
                rows[:, j] = likeness * rows[:, j - 1] + np.sqrt(1 - likeness**2) * rows[:, j]
            tests = [blocks_t_test(row, n_train=0.75, n_test=0.25 / count) for row in rows]
            rates.append(f"{likeness}: {np.mean([test.p <= LEVEL for test in tests]):.1%}")
        print(f"{count} blocks, declared different at a correlation of {', '.join(rates)}", flush=True)


def main() -> None:
    """Print the rate of declared differences for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=6, help="splits in a trial")
    parser.add_argument("--blocks", action="store_true", help="simulate blocks in time, not whole trials")
    options = parser.parse_args()
    if options.blocks:
        blocks(options.trials)
        return
    trials, repeats = options.trials, options.repeats
    cases = {
        "copies of one learner": lambda: rate(
            verdicts(lambda _: [EchoState("lstm"), EchoState("gru")], trials, repeats=repeats, signal=1.5)
        ),
        "equally good learners of different channels": lambda: rate(
            verdicts(lambda _: [OneChannel("left", 0), OneChannel("right", 1)], trials, repeats=repeats, channels=2)
        ),
        "equally good coders of different letters, by bits": lambda: declared(
            [EverySecond("even", 0), EverySecond("odd", 1)],
            lambda trial: GenerateProblem(documents(trial)),
            trials,
            repeats,
        ),
        "equally good forecasters, by MASE in blocks in time": lambda: declared(
            [OneBefore("one back", 1), OneBefore("two back", 2)],
            lambda trial: ForecastProblem(every_origin([TimeSeries(series(trial))], 1), season=1),
            trials,
            repeats,
        ),
        "forecasters that lead for some blocks in turn, by MASE": lambda: declared(
            [Always("above", 1), Always("below", -1)],
            lambda trial: ForecastProblem(every_origin([TimeSeries(wandering(trial))], 1), season=1),
            trials,
            repeats,
        ),
        "a learner without memory": lambda: rate(
            verdicts(
                lambda _: [EchoState("whole"), EchoState("forgetful", memory=False)],
                trials,
                repeats=repeats,
                signal=1.5,
            )
        ),
    }
    for name, found in cases.items():
        began = time.perf_counter()
        share = found()
        seconds = time.perf_counter() - began
        print(f"{name}: declared different in {share:.1%} of {trials:,} trials  ({seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
