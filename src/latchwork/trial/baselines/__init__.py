"""The sceptic's side: plain learners without recurrence. A cell that does not beat them is not worth its cost."""

from latchwork.trial.baselines.autoregression import linear_autoregression
from latchwork.trial.baselines.baseline import Baseline
from latchwork.trial.baselines.choice import baselines_for
from latchwork.trial.baselines.classifiers import bag_of_words, majority, series_summary, summarise
from latchwork.trial.baselines.convolutions import random_convolutions
from latchwork.trial.baselines.kneser_ney import KneserNey, kneser_ney
from latchwork.trial.baselines.naive import naive, seasonal_naive
from latchwork.trial.baselines.tags import majority_tag, word_tags
from latchwork.trial.baselines.xz import xz

__all__ = [
    "Baseline",
    "KneserNey",
    "bag_of_words",
    "baselines_for",
    "kneser_ney",
    "linear_autoregression",
    "majority",
    "majority_tag",
    "naive",
    "random_convolutions",
    "seasonal_naive",
    "series_summary",
    "summarise",
    "word_tags",
    "xz",
]
