"""What comes next in a series: a network forecasts it, with an interval that should hold 80 %.

It learns from the first four fifths and is tested on the last, against the value one season before: from every step
on, of hours from every 7th. Of electricity each of the next 24 hours is forecast.

    python examples/forecast.py [--data electricity] [--cell lstm] [--seeds 1] [--steps 26304] [--plot forecast.png]
"""

import argparse
import time

import numpy as np

from latchwork import SequenceForecaster, datasets
from latchwork.explain.forecast_plot import plot_forecast
from latchwork.tasks.calendar_features import calendar_features
from latchwork.tasks.forecast_scores import coverage, mase, naive_error
from latchwork.tasks.timeseries import TimeSeries, every_origin
from latchwork.trial.baselines import seasonal_naive

HORIZONS = {"electricity": 24, "beijing_air": 24, "co2": 12, "sunspots": 5}  # steps ahead: hours, weeks, years


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="electricity", choices=HORIZONS)
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--seeds", type=int, default=1, help="fits, each from other weights")
    parser.add_argument("--steps", type=int, help="steps to use, from the first on; all by default")
    parser.add_argument("--plot", help="a file to draw the last forecast into")
    options = parser.parse_args()
    data, horizon = datasets.load(options.data), HORIZONS[options.data]
    values, times = data.values[: options.steps, data.target_columns], data.times[: options.steps]
    series = TimeSeries(values, known=calendar_features(times) if data.step == "hour" else None)
    end = len(series) * 4 // 5
    stride = 7 if data.step == "hour" else 1
    learn, test = every_origin([series.until(end)], horizon), every_origin([series], horizon, end, stride)
    truth, unit = test.targets(), naive_error(values[:end], data.season)
    repeated = seasonal_naive(data.season).fit(learn, learn.targets(), None, None, {}, 0).predict(test)
    naive = mase(truth, repeated[..., 1], unit)
    print(f"{end:,} steps to learn from, {len(test):,} forecasts of the next {horizon} to test.")
    print(f"The season before, of {data.season} steps: MASE {naive:.3f}.")

    less, held = [], []
    for seed in range(options.seeds):
        began = time.perf_counter()
        model = SequenceForecaster(options.cell, horizon=horizon, season=data.season, random_state=seed)
        model.fit(series.until(end))
        seconds = time.perf_counter() - began
        found = model.predict_quantiles(test)
        reached = mase(truth, found[..., 1], unit)
        less.append(1 - reached / naive)
        held.append(coverage(truth, found[..., 0], found[..., 2]))
        print(f"Seed {seed}: MASE {reached:.3f}, {less[-1]:.1%} less; 80 % held {held[-1]:.1%}; {seconds:.0f} seconds.")
    print(f"Mean: {np.mean(less):.1%} less, 80 % held {np.mean(held):.1%}.")
    if options.data == "electricity":
        print("Of all its hours it should be about 25 % less, and an interval that holds 75 to 85 %.")
    if options.plot:
        last = int(test.origins[0][-1])
        quantiles = model.predict_quantiles(series.until(last))[:, 0]
        axes = plot_forecast(values[last - 4 * data.season : last, 0], quantiles, values[last : last + horizon, 0])
        axes.figure.savefig(options.plot, dpi=150)


if __name__ == "__main__":
    main()
