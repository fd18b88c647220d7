"""Some images of a training set, drawn again by the decoder, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lse.images.sheets import Row, Sheet, Tile, draw_sheet
from lse.representation.explanation.pictures import display_of

if TYPE_CHECKING:
    from torch import nn

    from lse.representation.encoders.encoder import Encoder
    from lse.representation.training.images import TrainingImages

__all__ = ["Reconstructions"]

_COUNT = 8


class Reconstructions:
    """The same few images every time, held out ones where there are any.

    Parameters
    ----------
    images
        After `read`.
    """

    def __init__(self, images: TrainingImages) -> None:
        self._images = images.samples(_COUNT)
        self._held_out = images.held_out >= _COUNT
        self._display = display_of(self._images)

    @torch.no_grad()
    def draw(self, encoder: Encoder, decoder: nn.Module, *, subtitle: str) -> bytes:
        """PNG: images above, the same drawn again below."""
        modes = [(module, module.training) for network in (encoder, decoder) for module in network.modules()]
        encoder.eval()
        decoder.eval()
        try:
            batch = torch.from_numpy(self._images).to(encoder.mean.device)
            drawn = (decoder(encoder(batch)) * encoder.std + encoder.mean).float().cpu().numpy()
        finally:
            for module, training in modes:
                module.training = training
        rows = [
            Row(tuple(Tile(self._display.pixels(image)) for image in images), label)
            for label, images in (("image", self._images), ("drawn again", drawn))
        ]
        kind = "Images that were held out." if self._held_out else "Images of the training set."
        return draw_sheet(Sheet(title="Reconstructions", subtitle=f"{subtitle} {kind}", rows=tuple(rows)))
