"""How often the trial declares a difference where there is none, over many more trials than the tests run.

The learners and the data are those of tests/trial/test_honesty.py: echo state networks on short series, coders of texts
by the frequency of letters, and forecasts from a single value.

    python benchmarks/honesty.py --trials 2000
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "trial"))

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


def main() -> None:
    """Print the rate of declared differences for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=6, help="splits in a trial")
    options = parser.parse_args()
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
