"""Few labels: a linear probe on the vectors of an encoder against a net that learns from the same labels alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from lse.training.augmentation import Augmentation, augment
from lse.training.defaults import choose_parameters, measure_facts
from lse.training.linear_probe import linear_probe
from lse.training.run import untrained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

COUNTS = (1, 2, 5, 10, 20, 50)
DRAWS = 5
_STEPS = 200
_BATCH = 128
_RATE = 2e-3
_WEIGHT_DECAY = 1e-4


def label_curve(
    name: str,
    method: str,
    images: NDArray[np.float32],
    classes: NDArray[np.str_],
    vectors: NDArray[np.float32],
    *,
    threads: int,
) -> Iterator[dict[str, Any]]:
    """Yield a cell for each count of labels a class and each draw of them: balanced accuracy on all other images."""
    from sklearn.metrics import balanced_accuracy_score

    torch.set_num_threads(threads)
    for draw in range(DRAWS):
        random = np.random.default_rng(draw)
        order = random.permutation(len(classes))
        for count in COUNTS:
            chosen = np.concatenate([order[classes[order] == each][:count] for each in np.unique(classes)])
            others = np.setdiff1d(order, chosen)
            # As `lse prediction run` has it.
            learn = linear_probe(seed=draw, population=vectors, calibrated=True)
            probe = learn(vectors[chosen], classes[chosen])
            scratch = _from_scratch(images, classes, chosen, others, seed=draw)
            yield {
                "dataset": name,
                "method": f"labels-{method}",
                "seed": draw,
                "settings": {"labels": str(count)},
                "probe": float(balanced_accuracy_score(classes[others], probe.predict(vectors[others]))),
                "scratch": float(balanced_accuracy_score(classes[others], scratch)),
            }


def _from_scratch(
    images: NDArray[np.float32],
    classes: NDArray[np.str_],
    chosen: NDArray[np.intp],
    others: NDArray[np.intp],
    *,
    seed: int,
) -> NDArray[np.str_]:
    """Classes of the other images, by the small backbone trained on the chosen ones by cross entropy."""
    # The same net as that of SimCLR, with the statistics of all images, which need no labels.
    encoder = untrained(images, method="simclr", parameters={}, seed=seed).encoder
    names, targets = np.unique(classes[chosen], return_inverse=True)
    torch.manual_seed(seed)
    net = nn.Sequential(encoder, nn.Linear(encoder.dimension, len(names))).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY)
    generator = torch.Generator().manual_seed(seed)
    learnt, wanted = torch.from_numpy(images[chosen]), torch.from_numpy(targets)
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
    found: NDArray[np.str_] = names[torch.cat(answers).numpy()]
    return found
