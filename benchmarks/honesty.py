"""How often the trial declares a difference where there is none, over many more trials than the tests run.

The learners and the data are those of tests/trial/test_honesty.py: echo state networks on short series.

    python benchmarks/honesty.py --trials 2000
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "trial"))

from test_honesty import EchoState, OneChannel, rate, verdicts


def main() -> None:
    """Print the rate of declared differences for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=6, help="splits in a trial")
    options = parser.parse_args()
    cases = {
        "copies of one learner": (lambda _: [EchoState("lstm"), EchoState("gru")], {"signal": 1.5}),
        "equally good learners of different channels": (
            lambda _: [OneChannel("left", 0), OneChannel("right", 1)],
            {"channels": 2},
        ),
        "a learner without memory": (
            lambda _: [EchoState("whole"), EchoState("forgetful", memory=False)],
            {"signal": 1.5},
        ),
    }
    for name, (candidates, data) in cases.items():
        began = time.perf_counter()
        found = verdicts(candidates, options.trials, repeats=options.repeats, **data)
        seconds = time.perf_counter() - began
        print(
            f"{name}: declared different in {rate(found):.1%} of {len(found):,} trials  ({seconds:.0f} s)", flush=True
        )


if __name__ == "__main__":
    main()
