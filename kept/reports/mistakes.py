"""Shows what variants mistook for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..actions import Output
from ..lean import dataclass
from ..pipeline import Pipeline, stages
from .markup import Child, Markup, join, tag
from .places import Place
from .png import data_uri, is_picture
from .records import Records, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLASSES = 24  # of a matrix that can be read
_PAIRS = 12
_EXAMPLES = 12
_VARIANTS = 12  # shown in full


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each class was taken for each: ``counts[label, prediction]``."""

    classes: tuple[str, ...]
    counts: NDArray[Any]
    labels: NDArray[Any]  # of each example, as an index into classes
    predictions: NDArray[Any]

    @property
    def wrong(self) -> int:
        """The number of mistakes."""
        return int(self.counts.sum() - self.counts.trace())

    def pairs(self) -> list[tuple[int, int]]:
        """Return every pair that was confused, the most frequent first."""
        import numpy as np

        off = self.counts.copy()
        np.fill_diagonal(off, 0)
        best = np.argsort(-off, axis=None, kind="stable")[: np.count_nonzero(off)]
        return [(int(at) // len(off), int(at) % len(off)) for at in best]

    def examples(self) -> list[int]:
        """Choose mistakes to show: one of each of the most frequent pairs, then a second one, and so on."""
        import numpy as np

        lists = [np.flatnonzero((self.labels == a) & (self.predictions == b)) for a, b in self.pairs()[:_EXAMPLES]]
        rounds = max(map(len, lists), default=0)
        found = [int(one[turn]) for turn in range(min(rounds, _EXAMPLES)) for one in lists if turn < len(one)]
        return found[:_EXAMPLES]


def confusion(labels: NDArray[Any], predictions: NDArray[Any]) -> Confusion:
    """Count what was taken for what; both have one class for each example."""
    import numpy as np

    classes, indices = np.unique(np.concatenate([labels, predictions]), return_inverse=True)
    true, guessed = indices[: len(labels)], indices[len(labels) :]
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (true, guessed), 1)
    return Confusion(tuple(str(name) for name in classes.tolist()), counts, true, guessed)


def section(pipelines: tuple[type[Pipeline], ...], records: Records, classified: Mapping[str, Place]) -> Markup | None:
    """Show the mistakes of each variant that has predictions; None where the report names none."""
    if not classified:
        return None
    found = {pipeline._target: _outputs(pipeline, records, classified) for pipeline in pipelines}
    able = {name: outputs for name, outputs in found.items() if {"predictions", "labels"} <= set(outputs)}
    shown = [_variant(name, outputs, records) for name, outputs in list(able.items())[:_VARIANTS]]
    body: Child = tag("div", shown, class_="mistakes") if shown else tag("p", "No variant has predictions yet.")
    note = tag("p", f"The first {_VARIANTS} of {len(able)} variants.") if len(able) > _VARIANTS else None
    return tag("section", tag("h2", "Mistakes"), note, body, id="mistakes")


def _outputs(variant: type[Pipeline], records: Records, classified: Mapping[str, Place]) -> dict[str, Output]:
    found = {}
    for word, place in classified.items():
        pipeline, name = place.of(variant)
        made = dict(pair for stage in stages(pipeline) for pair in named(records.standing(stage)))
        if name in made:
            found[word] = made[name]
    return found


def _variant(target: str, outputs: Mapping[str, Output], records: Records) -> Markup:
    import numpy as np

    head = tag("h3", target)
    labels, predictions = (np.asarray(records.value(outputs[word])) for word in ("labels", "predictions"))
    if labels.ndim != 1 or labels.shape != predictions.shape or labels.dtype.kind not in "biuUS":
        kinds = f"{outputs['labels'].kind} and {outputs['predictions'].kind}"
        return tag("article", head, tag("p", f"Labels and predictions are not one class for each example: {kinds}."))
    counted = confusion(labels, predictions)
    said = f"{counted.wrong:,} of {len(labels):,} mistaken ({counted.wrong / max(len(labels), 1):.2%})"
    images = records.value(outputs["images"]) if "images" in outputs else None
    return tag(
        "article",
        head,
        tag("p", said),
        _matrix(counted) if len(counted.classes) <= _CLASSES else _list(counted),
        _examples(counted, images),
    )


def _matrix(counted: Confusion) -> Markup:
    """Draw all counts; how dark a cell is says which share of its row it is."""
    caption = tag("caption", "Rows: what it is. Columns: what it was taken for.")
    head = tag("tr", tag("td"), [tag("th", name, scope="col") for name in counted.classes])
    rows = []
    for index, name in enumerate(counted.classes):
        line = counted.counts[index].tolist()
        total = sum(line) or 1
        cells = [_cell(count, count / total, right=index == at) for at, count in enumerate(line)]
        rows.append(tag("tr", tag("th", name, scope="row"), cells))
    table = tag("table", caption, tag("thead", head), tag("tbody", rows), class_="matrix")
    return tag("div", table, class_="wide", tabindex="0", role="group", aria_label="confusion matrix")


def _cell(count: int, share: float, *, right: bool) -> Markup:
    if not count:
        return tag("td")
    strength = share if right else min(1.0, 0.08 + share * 8)  # mistakes are few: a tenth of a row is much
    return tag("td", str(count), class_="right" if right else "wrong", style=f"--at:{100 * strength:.0f}%")


def _list(counted: Confusion) -> Markup:
    items = [
        tag("li", f"{counted.classes[a]} taken for {counted.classes[b]}: {counted.counts[a, b]} times")
        for a, b in counted.pairs()[:_PAIRS]
    ]
    return tag("ol", items)


def _examples(counted: Confusion, images: Any) -> Markup | None:
    chosen = counted.examples()
    if images is None or not chosen:
        return None
    shape = tuple(getattr(images, "shape", ()))
    if (
        len(shape) < 3
        or shape[0] != len(counted.labels)
        or not is_picture(shape[1:])
        or images.dtype.kind not in "biuf"
    ):
        return tag("p", f"The images have shape {shape}: they cannot be shown.")
    figures = []
    for at in chosen:
        true, guessed = counted.classes[counted.labels[at]], counted.classes[counted.predictions[at]]
        text = f"{true}, taken for {guessed}"
        picture = tag("img", src=data_uri(images[at]), alt=f"example {at}: {text}", loading="lazy")
        figures.append(tag("figure", picture, tag("figcaption", f"{true} → {guessed}")))
    return join([tag("p", "Examples, from pairs that were often confused:"), tag("div", figures, class_="examples")])
