"""What one visitor wants to know of a latent space: the concepts that make up its vectors."""

from __future__ import annotations

from lse_dashboard import wording
from lse_dashboard.data.concepts import concept_list
from lse_dashboard.state.question import Question
from lse_dashboard.state.session import Session

__all__ = ["ConceptsQuestion"]


class ConceptsQuestion(Question):
    """Concepts of the open experiment; the answer is a `ConceptList`.

    Parameters
    ----------
    session
        What is open.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session.library, session.background)
        self._session = session

    def ask(self) -> None:
        """Learn them, or see what was learnt before."""
        project, contents = self._session.project, self._session.contents
        experiment, dataset = contents.experiment, contents.dataset
        if experiment is not None and dataset is not None:
            self._ask(
                wording.Concepts.TITLE.format(experiment=experiment.id),
                lambda: concept_list(self._library, project, experiment.id, dataset),
            )

    def show(self, concept: str) -> None:
        """Colour the map by the strength of a concept, and close the window."""
        self.close()
        self._session.choose_colour(f"concept:{concept}")
