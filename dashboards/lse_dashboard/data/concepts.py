"""Concepts of a latent space, as the explorer lists them."""

from __future__ import annotations

from dataclasses import dataclass

from lse.client.resources import Concept, Dataset
from lse.names import image_name
from lse_dashboard.data.library import Library

__all__ = ["ConceptList", "concept_list"]


@dataclass(frozen=True)
class ConceptList:
    """Concepts of an experiment, those that are active in most images first.

    Attributes
    ----------
    concepts
        Each with the rows of the images in which it is strongest.
    explained_variance
        Share of the variance of the directions of the vectors that they explain.
    notes
        Sentences on what was left out.
    """

    concepts: tuple[tuple[Concept, tuple[int, ...]], ...]
    explained_variance: float
    notes: tuple[str, ...]


def concept_list(library: Library, project: str, experiment: str, dataset: Dataset) -> ConceptList:
    """Learn and list the concepts of an experiment.

    Raises
    ------
    LseError
        There are too few images.
    """
    found = library.client(project).explanations.concepts(experiment)
    images = library.images(project, dataset)
    listed = []
    for each in found.concepts:
        rows = (images.row(image_name(name)) for name in each.images)
        listed.append((each, tuple(row for row in rows if row is not None)))
    return ConceptList(tuple(listed), found.explained_variance, found.notes)
