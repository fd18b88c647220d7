"""Which images an expert should look at next: pure code, vectors and labels in, rows out."""

from lse.analysis.suggestions.interest import expected_interest
from lse.analysis.suggestions.suggest import Suggestion, suggest_images

__all__ = ["Suggestion", "expected_interest", "suggest_images"]
