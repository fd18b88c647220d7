"""Encoder cards: where the explorer serves them."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["card_path"]


def card_path(project: str, encoder: str) -> str:
    """Path of a card below the explorer's prefix, without a leading slash; with ``.json`` behind it, it gives JSON."""
    return f"cards/{quote(project, safe='')}/{quote(encoder, safe='')}"
