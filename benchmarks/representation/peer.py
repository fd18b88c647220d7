"""SimCLR as lightly's documentation has it: its transform, loss, projection head and optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from PIL import Image

from lse.representation.training.run import untrained
from lse.representation.training.trained import TrainedEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 256
_RATE = 0.06


def lightly_simclr(
    images: NDArray[np.float32], *, settings: dict[str, str], seed: int, threads: int
) -> tuple[NDArray[np.float32], int]:
    """Vectors of the encoder that our SimCLR starts with, trained by lightly's recipe, and the epochs of that.

    Parameters
    ----------
    images
        Shape (n, channels, size, size), one or three channels, values from 0 to 1.
    settings
        Of our SimCLR, for its encoder and epochs.
    seed
        Of all randomness.
    threads
        CPU threads.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    start: TrainedEncoder = untrained(images, method="simclr", parameters={**settings, "seed": seed})
    encoder = start.encoder.train().to(memory_format=torch.channels_last)
    epochs = start.parameters.epochs
    head = SimCLRProjectionHead(encoder.dimension, 512, 128)
    criterion = NTXentLoss()
    optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=_RATE)
    # Images of one band have no statistics of ImageNet: the encoder normalises by those of the set, as always.
    transform = SimCLRTransform(input_size=images.shape[-1], normalize=None)
    pictures = [_picture(image) for image in images]
    batch = min(_BATCH, len(pictures))
    for _ in range(epochs):
        order = torch.randperm(len(pictures)).tolist()
        for first in range(0, len(order) - batch + 1, batch):
            pairs = [transform(pictures[index]) for index in order[first : first + batch]]
            # Both views go through the net together, with the order of bytes that is quickest here.
            views = torch.stack([view for views in zip(*pairs, strict=True) for view in views])
            views = views.contiguous(memory_format=torch.channels_last)
            one, other = head(encoder(views)).chunk(2)
            loss = criterion(one, other)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    encoder.eval()
    return start.encode(images), epochs


def _picture(image: NDArray[np.float32]) -> Image.Image:
    """Image of 8 bits, which is what lightly's transforms take."""
    levels = np.rint(255 * image.clip(0, 1)).astype(np.uint8)
    return Image.fromarray(levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0))
