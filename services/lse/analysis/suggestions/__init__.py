"""Which images an expert should look at next: pure code, vectors and labels in, rows out."""

from lse.analysis.suggestions.suggest import Suggestion, suggest_images

__all__ = ["Suggestion", "suggest_images"]
