"""A forecaster's page says what the forecaster says."""

import json

import numpy as np
import pytest
import torch
from report_reader import array, read
from small_models import HORIZON, forecaster, generator, held_out, waves

from latchwork import SequenceForecaster
from latchwork.errors import DataError
from latchwork.explain import Forecasted, explain, illustrate
from latchwork.explain.page_data import page_data
from latchwork.tasks.timeseries import TimeSeries, Windows


def dumped(data):
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def test_the_forecasts_on_the_page_are_those_of_the_model():
    models = {"lstm": forecaster("lstm"), "gru": forecaster("gru")}
    text = dumped(page_data(models, held_out(), None, held_out=True, title="Waves"))
    assert len(text.encode()) < 3_000_000
    data = read(text)
    assert data["task"] == "forecast"
    sequence = data["sequences"][0]
    steps = len(sequence["steps"])
    assert sequence["steps"][-1] == "step 214"  # the last origin, after which a horizon is known
    first = 214 - steps
    series = waves(220)
    assert np.allclose(array(sequence["series"], steps, 1)[:, 0], series[first:214, 0], rtol=1e-6)
    assert np.allclose(array(sequence["ahead"], HORIZON, 1)[:, 0], series[214:220, 0], rtol=1e-6)
    assert sequence["fitted"] == max(160 - first, 0)
    for name, model in models.items():
        windows = Windows((TimeSeries(series),), (np.arange(first + 1, 215),), HORIZON)
        told = array(sequence["runs"][name]["forecast"]["channels"][0], steps, 3 * HORIZON)
        assert np.allclose(told.reshape(steps, HORIZON, 3), model.predict_quantiles(windows)[:, :, 0], rtol=1e-5)
    assert not data["memory"]["held_out"]


def test_no_forecast_looks_past_its_step():
    data = page_data({"it": forecaster()}, held_out(), shown=1)
    changed = held_out()
    changed.series[0].values[200:] += 5
    other = page_data({"it": forecaster()}, changed, shown=1)
    first = int(data["sequences"][0]["steps"][0].removeprefix("step ")) - 1
    one, two = (
        array(d["sequences"][0]["runs"]["it"]["forecast"]["channels"][0], None, 3 * HORIZON) for d in (data, other)
    )
    assert np.array_equal(one[: 200 - first], two[: 200 - first])
    assert not np.array_equal(one, two)


def test_the_gates_are_those_of_one_reading_with_what_came_before():
    model = forecaster("gru")
    data = page_data({"gru": model}, held_out(), shown=1)
    sequence = data["sequences"][0]
    first = int(sequence["steps"][0].removeprefix("step ")) - 1
    begins = max(first - 24, 0)
    layer = sequence["runs"]["gru"]["layers"][0]
    rows = model.encode(Windows(held_out().series, (np.arange(first + 1, 215),), HORIZON))[0][begins:214]
    with torch.no_grad():
        output, _ = model.network_.recurrent(torch.from_numpy(rows)[:, None])
    found = array(layer["values"]["h"], len(sequence["steps"]), None)
    assert np.allclose(found, output[first - begins :, 0].numpy()[:, layer["units"]], atol=1e-5)
    assert np.allclose(
        array(layer["before"]["h"], None), output[first - begins - 1, 0].numpy()[layer["units"]], atol=1e-5
    )


def test_channels_missing_values_and_panels():
    series = waves(220, 3)
    series[170:175, 1] = np.nan
    panel = Windows(
        (TimeSeries(series), TimeSeries(series[:200] * 2)), (np.arange(160, 215), np.arange(60, 195)), HORIZON
    )
    data = read(dumped(page_data({"it": forecaster("gru", 3)}, panel, first=[1])))
    assert [s["part"]["series"] for s in data["sequences"][:2]] == [2, 1]
    assert all(s["part"]["channels"] == 3 for s in data["sequences"])
    assert all(s["fitted"] is None for s in data["sequences"])
    found = array(data["sequences"][1]["series"], None, None, missing=True)
    assert np.isnan(found).any()


def test_the_page_stays_small_for_a_long_horizon():
    series = np.concatenate([waves(300)] * 2)
    sizes = {"hidden_size": 4, "max_epochs": 1, "context": 48}
    models = {cell: SequenceForecaster(cell, horizon=96, **sizes).fit(series) for cell in ("rnn", "lstm", "gru")}
    text = dumped(page_data(models, series))
    assert len(text.encode()) <= 2_500_000
    assert len(read(text)["sequences"][0]["steps"]) > 48


def test_series_without_windows_end_where_what_is_known_ahead_does():
    hours = np.arange(200)[:, None] % 12
    model = SequenceForecaster("gru", horizon=4, hidden_size=4, max_epochs=1).fit(
        TimeSeries(waves(180), known=hours[:180])
    )
    page = illustrate(model, TimeSeries(waves(180), known=hours[:182]))
    assert page.data["sequences"][0]["steps"][-1] == "step 178"
    with pytest.raises(DataError, match="needs 184"):
        explain(model, TimeSeries(waves(180), known=hours[:182]))


def test_explained_in_python():
    found = explain(forecaster(), waves(200))
    assert isinstance(found, Forecasted)
    assert found.forecast.shape == (HORIZON, 1, 3)
    assert np.allclose(found.forecast[:, 0], forecaster().predict_quantiles(waves(200))[:, 0], rtol=1e-5)
    assert found.steps[-1] == "step 200"
    assert len(found.shares.kept) == len(found.steps)


def test_what_cannot_be_shown_is_refused_in_words():
    other = SequenceForecaster("gru", horizon=3, hidden_size=4, max_epochs=1).fit(waves(100))
    with pytest.raises(DataError, match="forecast other steps"):
        page_data({"it": forecaster(), "other": other}, waves(100))
    with pytest.raises(DataError, match="one task together"):
        page_data({"it": forecaster(), "text": generator()}, waves(100))
    with pytest.raises(DataError, match="first must name series"):
        page_data({"it": forecaster()}, waves(100), first=[1])
    with pytest.raises(DataError, match="ask for 3 steps"):
        page_data({"it": forecaster()}, Windows((TimeSeries(waves(100)),), (np.array([50]),), 3))
    with pytest.raises(DataError, match="one series is explained at a time"):
        explain(forecaster(), [waves(50), waves(60)])
    with pytest.raises(DataError, match="no series has a step"):
        page_data({"it": forecaster()}, Windows((TimeSeries(waves(100)),), (np.array([], dtype=int),), HORIZON))


def test_series_of_a_panel_are_scaled_as_their_forecasts_are():
    panel = [waves(160), 10 * waves(160)]
    model = SequenceForecaster("gru", horizon=HORIZON, hidden_size=4, max_epochs=1).fit(panel)
    windows = Windows((TimeSeries(waves(220)), TimeSeries(10 * waves(220))), (np.arange(160, 215),) * 2, HORIZON)
    data = page_data({"gru": model}, windows, first=[1], shown=1)
    told = array(data["sequences"][0]["runs"]["gru"]["forecast"]["channels"][0], None, 3 * HORIZON)
    said = model.predict_quantiles(windows)[55:, :, 0]
    count = min(len(told), len(said))
    assert np.allclose(told.reshape(-1, HORIZON, 3)[-count:], said[-count:], rtol=1e-5)
    found = explain(model, 10 * waves(160))
    assert np.allclose(found.forecast[:, 0], model.predict_quantiles(10 * waves(160))[:, 0], rtol=1e-6)
