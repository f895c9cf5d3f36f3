"""Your own words through a model of real reviews: which words the forget gate lets go at, and which it keeps at.

Fits an LSTM on review sentences, reads sentences about cereal with it, and leaves the model, the page with the
illustrated cell and stills for a paper in a folder.

    python examples/see_inside.py [FOLDER] [--seeds 3]
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from latchwork import SequenceClassifier, cells, datasets
from latchwork.explain import explain, gradient_flow, illustrate, plot_gradient_flow
from latchwork.explain.diagram import scene, svg
from latchwork.explain.page_data import before_training
from latchwork.explain.survey import Survey, survey

CEREAL = (
    "The first bowl was awful, but by the third I loved it.",
    "I loved the first bowl, but by the third it was awful.",
    "The box looks great, but the cereal tastes like wet cardboard.",
)
HELD_OUT = 1_500


def fit(texts: list[str], y: np.ndarray, seed: int) -> SequenceClassifier:
    options = {"hidden_size": 64, "learning_rate": 0.005, "batch_size": 128, "max_epochs": 6, "patience": 2}
    return SequenceClassifier("lstm", random_state=seed, **options).fit(texts, y)


def surveyed(model: SequenceClassifier, texts: list[str]) -> Survey:
    """What every unit does over the texts."""
    numbered = model.encoder_.tokenizer.get_vocab()
    vocabulary = sorted(numbered, key=numbered.get)

    def words(row: int) -> list[str]:
        return [texts[row][a:b] for a, b in model.encoder_.spans(texts[row])]

    return survey(model.network_.eval(), model.encode(texts), words, vocabulary)


def listed(words: tuple) -> str:
    return ", ".join(f"{word.word} {word.kept:.0%}" for word in words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("see-inside"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    data = datasets.load("reviews")
    order = np.random.default_rng(0).permutation(len(data.X))
    held, learned = order[:HELD_OUT], order[HELD_OUT:]
    texts, truth = [str(data.X[i]) for i in held], data.y[held]

    print(f"Forget gate, mean of 64 units, over {HELD_OUT:,} reviews that the model was not fitted on:")
    models, surveys = [], []
    for seed in range(options.seeds):
        models.append(fit([str(data.X[i]) for i in learned], data.y[learned], seed))
        surveys.append(surveyed(models[-1], texts))
        print(f"seed {seed}, accuracy {models[-1].score(texts, truth):.1%}")
        print(f"  keeps least at  {listed(surveys[-1].lets_go)}")
        print(f"  keeps most at   {listed(surveys[-1].keeps)}")
    model, found = models[0], surveys[0]

    unit = max(found.units, key=lambda unit: unit.opens[0][1] - unit.closes[0][1])
    print(f"\nSeed 0, unit {unit.unit}, whose forget gate moves most from word to word:")
    print("  keeps least at  " + ", ".join(f"{word} {mean:.0%}" for word, mean in unit.closes))
    print("  keeps most at   " + ", ".join(f"{word} {mean:.0%}" for word, mean in unit.opens))
    for text in CEREAL:
        told = explain(model, text)
        with torch.no_grad():
            row = torch.from_numpy(model.encode([text])[0])[:, None]
            _, _, trace = model.network_.recurrent(model.network_.features(row), return_trace=True)
        gate = trace[-1]["forget"][:, 0]
        print(f"\n{text}  {told.predicted} {told.probabilities[told.predicted]:.1%}")
        print(f"  {'word':10} moved   mean   unit {unit.unit}")
        for t, word in enumerate(told.steps):
            print(f"  {word:10} {told.moved[t]:+.2f}   {gate[t].mean():4.0%}   {gate[t, unit.unit]:4.0%}")
        if text == CEREAL[1]:
            trace.plot(steps=told.steps).savefig(options.folder / "gates.svg")
            trace.plot(steps=told.steps).savefig(options.folder / "gates.png", dpi=150)

    model.save(options.folder / "model")
    graph = cells.get("lstm").graph
    (options.folder / "lstm.svg").write_text(svg(scene(graph), title="The cell lstm"), encoding="utf-8")
    rows = model.encode(texts)[:200]
    classes = [model.classes_.tolist().index(c) for c in model.predict(texts)[:200]]
    fitted, start = (gradient_flow(net, rows, classes) for net in (model.network_, before_training(model)))
    plot_gradient_flow({"lstm": fitted}, {"lstm": start}).savefig(options.folder / "gradient-flow.svg")
    page = illustrate(
        model,
        [*CEREAL, *texts],
        [None] * len(CEREAL) + truth.tolist(),
        first=range(len(CEREAL)),
        held_out=True,
        title="Cereal",
    )
    print(f"\nModel, page and stills: {options.folder}, with {page.save(options.folder / 'inside.html').name}")


if __name__ == "__main__":
    main()
