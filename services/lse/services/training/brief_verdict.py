"""What a new encoder is worth, before it is judged against any classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lse.platform.compute import TaskChannel
    from lse.representation.evaluation.verdict import Verdict
    from lse.representation.evaluation.work import Encode
    from lse.representation.training.images import ArrayLike

__all__ = ["brief_verdict"]

# Fewer images tell nothing of a space.
_FEWEST_JUDGED = 40


def brief_verdict(
    images: ArrayLike,
    encode: Encode,
    *,
    encoder: str,
    dataset: str,
    channel: TaskChannel,
    method: str = "",
    settings: Mapping[str, object] | None = None,
    most: int = 500,
) -> Verdict | None:
    """What a space is worth without classes; None of too few images to tell, or where the work is to stop.

    Parameters
    ----------
    images
        Prepared images, (n, channels, size, size).
    encode
        Their vectors.
    encoder, dataset
        Ids, for the commands that the verdict suggests.
    channel
        Told of the progress.
    method, settings
        How the encoder was trained; an empty method where it was not trained here.
    most
        Images that are looked at.
    """
    from lse.representation.evaluation.metrics import judge_briefly
    from lse.representation.evaluation.verdict import Judged, conclude

    if images.shape[0] < _FEWEST_JUDGED or channel.should_stop():
        return None
    trained_with = settings or {}
    judgement = judge_briefly(
        images,
        encode,
        method=method,
        settings=trained_with,
        most=most,
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    judged = Judged(
        encoder=encoder,
        dataset=dataset.rsplit("/", 1)[-1],
        label_column="",
        images=judgement.images,
        method=method,
        settings=trained_with,
    )
    return conclude(judged, judgement.evidence)
