"""Sentences of film and product reviews, each scored by 15 to 29 people (Hutto & Gilbert 2014)."""

from __future__ import annotations

import math

import numpy as np

from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, LoadedDataset
from latchwork.errors import ConfigError

_PACKAGE = archive.Package(
    name="vaderSentiment",
    version="3.3.2",
    filename="vaderSentiment-3.3.2.tar.gz",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)
_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_FILES = {
    "movie": "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    "product": "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt",
}


def load(neutral_band: float = 0.5) -> LoadedDataset:
    """Sentences labelled "positive" or "negative" by the sign of their mean score.

    There are 14,313 sentences (10,605 on films, 3,708 on products), scored from −4 to 4. Those nearer to 0 than
    ``neutral_band`` are left out as neutral. With 0.5, 13,057 remain, 6,746 of them positive and 6,311 negative: 10,072
    on films and 2,985 on products.

    The text is as the authors left it: film sentences in mixed case with ``''`` for a double quote and hyphens
    gone, product sentences in lower case. 22 film and 44 product sentences hold HTML entities (``&amp;``, and some that
    were escaped twice, ``&amp;#38;``); 11 product sentences begin or end with a space. With 0.5, ten sentences repeat
    an earlier one word for word, seven of them from another review.

    Groups: the sentences of one product review are one group; each film sentence is its own, since nothing says which
    review it comes from. Columns: ``part`` ("movie" or "product"), ``score`` (the mean), ``id`` (the authors').

    Raises:
        ConfigError: ``neutral_band`` is negative, or so wide that a class is left without sentences.
        DownloadError: the data could not be fetched.
    """
    if math.isnan(neutral_band) or neutral_band < 0:
        raise ConfigError(f"neutral_band is a distance from 0 and cannot be {neutral_band}; 0.5 is the default")

    texts: list[str] = []
    scores: list[float] = []
    ids: list[str] = []
    parts: list[str] = []
    groups: list[int] = []
    for part, file in _FILES.items():
        offset = len(texts)
        for line in archive.read(_PACKAGE, _INNER, file).decode("utf-8").split("\r\n"):
            identity, score, text = line.split("\t")
            texts.append(text)
            scores.append(float(score))
            ids.append(identity)
            parts.append(part)
            # A film sentence is numbered; a product sentence is numbered review_sentence.
            groups.append(offset + int(identity.split("_")[0]))

    score_of = np.array(scores)
    kept = np.flatnonzero((np.abs(score_of) >= neutral_band) & (score_of != 0))
    y = np.where(score_of[kept] > 0, "positive", "negative")
    if len(set(y.tolist())) < 2:
        raise ConfigError(f"neutral_band={neutral_band} leaves a class without sentences; scores go from −4 to 4")
    return LoadedDataset(
        description=DATASET,
        X=[texts[row] for row in kept],
        y=y,
        groups=np.array(groups, dtype=np.int64)[kept],
        columns={"part": np.array(parts)[kept], "score": score_of[kept], "id": np.array(ids)[kept]},
    )


DATASET = Dataset(
    name="reviews",
    title="Film and product review sentences, scored by people",
    task="classify",
    inputs="text",
    source=(
        "C. J. Hutto and E. Gilbert, Georgia Institute of Technology: the ground truth of the VADER paper, read from "
        "the source release of the package vaderSentiment 3.3.2. By its readme the film sentences are snippets of "
        "rotten.tomatoes.com from the set of Pang and Lee (2004), the product sentences are of the customer reviews on "
        "five products of Hu and Liu (2004), and each sentence has at least 20 raters; the single ratings beside it "
        "show 20 for every product sentence and 15 to 29 for the film sentences."
    ),
    licence=(
        "The package is under the MIT licence (copyright 2016 C. J. Hutto). The readme beside the data states no "
        "licence for it, only the wish to be cited; the sentences themselves were written by reviewers."
    ),
    citation=(
        "Hutto, C. J. and Gilbert, E. E. (2014). VADER: A Parsimonious Rule-based Model for Sentiment Analysis of "
        "Social Media Text. Eighth International Conference on Weblogs and Social Media (ICWSM-14), Ann Arbor."
    ),
    load=load,
)
