"""The report as a file: what stands in it, with a trial and without, and that nothing can break out of it."""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from latchwork.explain.report import Page
from latchwork.trial.problem import Part
from latchwork.trial.problems.classify import METRICS
from latchwork.trial.results import Contestant, Run, SplitSizes, TrialResult
from latchwork.trial.study import Study
from latchwork.trial.verdict import judge

sys.path.insert(0, str(Path(__file__).parent / "page"))
import synthetic

SLIP = "</script><script>alert(1)</script><!-- <script> \u2028\u2029 \ud800 & 'quoted\""


@pytest.fixture(scope="module")
def study() -> Study:
    runs = [
        Run(
            candidate=name,
            split=split,
            seed=split,
            scores={"accuracy": mean + wobble, "macro_f1": mean + wobble - 0.01},
            settings={},
            parameters=1000,
            seconds_per_epoch=0.5,
            milliseconds_per_sequence=0.1,
            learning_curve=[{"valid_loss": 1 / (e + 1)} for e in range(4)],
        )
        for name, mean in (("rnn", 0.71), ("lstm", 0.8), ("majority class", 0.5))
        for split, wobble in enumerate((0.01, -0.01, 0.0, 0.02))
    ]
    result = TrialResult(
        candidates=(
            Contestant("rnn", "cell", 1),
            Contestant("lstm", "cell", 1),
            Contestant("majority class", "baseline", 1),
        ),
        runs=tuple(runs),
        task="classify",
        metrics=METRICS,
        metric="accuracy",
        rows="rows",
        asked="sequence",
        facts={"rows": 2000, "classes": {"bad": 1000, "good": 1000}},
        sizes=(SplitSizes(1300, 300, 400),) * 4,
        seed=0,
        repeats_planned=4,
    )
    return Study(
        result=result,
        verdict=judge(result),
        model=None,  # type: ignore[arg-type]
        n_train=1600,
        sizes={"rnn": 64, "lstm": 32},
        side_by_side={},
        test=np.arange(0),
        unseen=Part([], np.arange(0)),
    )


def embedded(page: str) -> str:
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found
    return found[1]


def test_the_first_screen_is_the_trial(study):
    page = Page(synthetic.report(), study).html()
    assert html.escape(study.verdict.headline) in page
    assert page.count("<svg") == 2
    assert page.index("The trial") < page.index('id="latchwork"')
    assert "inside the cells" in Page(synthetic.report()).html()


def test_a_saved_page_holds_the_data(tmp_path):
    data = synthetic.report()
    page = Page(data).save(tmp_path / "report.html").read_text("utf-8")
    assert json.loads(embedded(page)) == data


def test_no_text_breaks_out_of_the_page():
    data = synthetic.report(f"film {SLIP}", title=SLIP)
    page = Page(data).html()
    page.encode()
    assert "<" not in embedded(page)
    expected = json.dumps(data, ensure_ascii=False).replace("\ud800", "?")
    assert json.loads(embedded(page)) == json.loads(expected)
    assert page.count("<script") == 3  # data, modules, start
    assert "alert(1)</script>" not in page


def test_nothing_comes_from_elsewhere():
    page = Page(synthetic.report()).html()
    assert re.findall(r"(?:src|href)\s*=\s*[\"'](?!#)|url\((?!#)|@import", page) == []
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


def test_a_number_that_json_does_not_have_is_refused():
    data = synthetic.report()
    data["sequences"][0]["runs"]["rnn"]["score"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        Page(data).html()


def test_every_module_of_the_page_is_embedded_as_it_is():
    import base64

    import latchwork.explain.report as report

    page = Page(synthetic.report()).html()
    found = re.search(r'<script type="importmap">(.*?)</script>', page)
    assert found
    modules = json.loads(found[1])["imports"]
    folder = Path(report.__file__).parent / "page"
    assert sorted(modules) == sorted(f"page/{path.name}" for path in folder.glob("*.js"))
    for name, address in modules.items():
        source = base64.b64decode(address.partition("base64,")[2]).decode()
        assert source == (folder.parent / name).read_text("utf-8")
        assert source.startswith("// @ts-check\n")
        assert "innerHTML =" not in source
        imported = re.findall(r'from "([^"]+)"', source)
        assert set(imported) <= set(modules)


def test_without_sequences_the_page_is_small():
    assert len(Page(synthetic.report("one", memory=False)).html()) < 300_000


def test_a_notebook_frames_the_page():
    framed = Page(synthetic.report(SLIP))._repr_html_()
    assert framed.startswith("<iframe srcdoc=")
    assert framed.count("<") == 2
