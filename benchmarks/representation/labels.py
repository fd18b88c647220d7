"""Few labels: what an encoder makes of them that learnt without labels, beside a net that has these labels alone."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score
from torch import nn

from lse.representation.prediction import PREDICTORS, Material
from lse.representation.prediction.fine_tuning import views_of_training
from lse.representation.prediction.labelled import Labelled
from lse.representation.training.augmentation import Augmentation, augment
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.facts import measure_facts
from lse.representation.training.run import untrained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from lse.representation.training.trained import TrainedEncoder
    from representation.datasets import LabelledImages

COUNTS = (1, 2, 5, 10, 20, 50)
DRAWS = 5
_STEPS = 200
_BATCH = 128
_RATE = 2e-3
_WEIGHT_DECAY = 1e-4


def label_curve(
    data: LabelledImages, trained: TrainedEncoder, *, is_done: Callable[[dict[str, Any]], bool]
) -> Iterator[dict[str, Any]]:
    """Yield a cell for each draw of labels and count of them a class: balanced accuracy on all other images.

    `is_done` is asked, with the seed and the settings of a cell, whether to leave it out.
    ``probe`` and ``fine-tuning`` are the two ways of ``lse prediction run``, as they are by default.
    """
    names, codes = np.unique(data.classes, return_inverse=True)
    vectors = trained.encode(data.images)
    views = views_of_training(trained.parameters.model_dump())
    ways = {"probe": ("linear-probe", {}), "fine-tuning": ("fine-tuning", views)}
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(len(codes))
        material = Material(vectors, data.images, lambda: copy.deepcopy(trained.encoder))
        for count in COUNTS:
            cell: dict[str, Any] = {"seed": draw, "settings": {"labels": str(count)}}
            if is_done(cell):
                continue
            chosen = np.concatenate([order[codes[order] == code][:count] for code in range(len(names))])
            others = np.setdiff1d(order, chosen)
            labelled = Labelled(chosen, codes[chosen], tuple(names))
            found = {
                name: PREDICTORS[way]
                .run(material, PREDICTORS.parse(way, {**given, "seed": draw}))(labelled)(others)
                .argmax(axis=1)
                for name, (way, given) in ways.items()
            }
            found["scratch"] = _from_scratch(data.images, codes, chosen, others, seed=draw)
            scores = {name: float(balanced_accuracy_score(codes[others], answer)) for name, answer in found.items()}
            yield cell | scores


def _from_scratch(
    images: NDArray[np.float32],
    codes: NDArray[np.int64],
    chosen: NDArray[np.intp],
    others: NDArray[np.intp],
    *,
    seed: int,
) -> NDArray[np.int64]:
    """Classes of the other images, by the small backbone trained on the chosen ones by cross entropy."""
    # The same net as that of SimCLR, with the statistics of all images, which need no labels.
    encoder = untrained(images, method="simclr", parameters={"seed": seed}).encoder
    torch.manual_seed(seed)
    net = (
        nn.Sequential(encoder, nn.Linear(encoder.dimension, codes.max() + 1))
        .to(memory_format=torch.channels_last)
        .train()
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY)
    generator = torch.Generator().manual_seed(seed)
    learnt, wanted = torch.from_numpy(images[chosen]), torch.from_numpy(codes[chosen])
    suited: Any = choose_parameters("simclr", {}, measure_facts(images))
    views = Augmentation(rotation=suited.rotation, flip=suited.flip, zoom=0.2, shift=0.05, brightness=0.2)
    for step in range(_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / _STEPS))
        batch = torch.randperm(len(learnt), generator=generator)[:_BATCH]
        shown = augment(learnt[batch], views, generator).contiguous(memory_format=torch.channels_last)
        loss = nn.functional.cross_entropy(net(shown), wanted[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.inference_mode():
        answers = [
            net(torch.from_numpy(images[part]).contiguous(memory_format=torch.channels_last)).argmax(dim=1)
            for part in np.array_split(others, math.ceil(len(others) / 256))
        ]
    found: NDArray[np.int64] = torch.cat(answers).numpy()
    return found
