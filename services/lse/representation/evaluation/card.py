"""The card of an encoder: what it is, what it was made of, how good it is, and where its limits are.

A card is one JSON document of schema ``latentspace.encoder-card/1`` with these keys:

``schema``
    Name and version of this form.
``verdict``
    The conclusion: ``text``, a sentence or two with what to try next, and ``sound``, whether it objects to nothing; of
    the latest judgement of the version in use, against classes where there is one, or of the end of its training; null
    where there is none.
``encoder``
    ``name``, ``uid``, ``version`` in use, ``precision``, ``method``, ``made`` (ISO 8601, UTC), ``dimension`` of the
    vectors, ``channels`` and ``image_size`` of the images that it takes, ``parameter_count``, ``has_decoder``,
    ``onnx_uri``.
``data``
    Dataset that the version in use was trained on: ``dataset``, ``images`` that are in it now, ``trained_images``,
    ``rejected``, ``channels``, ``image_size``, ``sources``, ``recipe`` (YAML), ``catalogue_columns``,
    ``table_digest`` (BLAKE2b of the image table), ``simulated``, ``notes``; null where it was not trained here, and
    only ``dataset`` and ``trained_images`` where that dataset is gone.
``training``
    ``parameters`` in force, ``seed``, ``figures`` at its end, ``loss_curve`` (a number an epoch), ``notes``,
    ``packages`` (versions of the software, by name), ``verdict`` and ``sound``.
``versions``
    All versions, oldest first: ``version``, ``method``, ``dataset``, ``made``, ``seed``, ``figures``.
``evaluations``
    Latest judgements: the fields of the message ``Evaluation``, with null for what was not measured.
``limits``
    Sentences on what the encoder does not know or do, derived from all of the above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lse.representation.evaluation.nuisances import is_strong
from lse.values import counted

__all__ = ["SCHEMA", "encoder_card"]

SCHEMA = "latentspace.encoder-card/1"
# A gain over a baseline that is less than what another seed would change, as a balanced accuracy.
_NO_GAIN = 0.01


def encoder_card(
    *,
    encoder: Mapping[str, Any],
    data: Mapping[str, Any] | None,
    training: Mapping[str, Any],
    versions: Sequence[Mapping[str, Any]],
    evaluations: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Card of an encoder, as JSON types: its parts, see above, with the limits that follow from them."""
    card = {
        "schema": SCHEMA,
        "verdict": _verdict(encoder["version"], training, evaluations),
        "encoder": encoder,
        "data": data,
        "training": training,
        "versions": versions,
        "evaluations": evaluations,
    }
    document: dict[str, Any] = _json({**card, "limits": list(_limits(card))})
    return document


def _verdict(
    version: int, training: Mapping[str, Any], evaluations: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Verdict on a version: of its latest judgement, one against classes before one without."""
    judged = [each for each in evaluations if each["version"] == version and each["verdict"]]
    against_classes = [each for each in judged if each["label_column"]]
    for each in [*reversed(against_classes), *reversed(judged), training]:
        if each["verdict"]:
            return {"text": each["verdict"], "sound": each["sound"]}
    return None


def _json(value: Any) -> Any:
    """Value of JSON types; a number that JSON does not know is null."""
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _limits(card: Mapping[str, Any]) -> Iterator[str]:
    encoder, data = card["encoder"], card["data"]
    yield (
        f"It takes images of {counted(encoder['channels'], 'channel')} and {encoder['image_size']} pixels a side, "
        "prepared as those that it was made for; of images prepared otherwise its vectors mean nothing."
    )
    if data is None:
        yield "It was not trained here: what it has seen is unknown, and so is what it was meant to ignore."
    else:
        yield from _limits_of_data(data)
    current = [each for each in card["evaluations"] if each["version"] == encoder["version"]]
    if not current:
        yield "This version was not judged yet: nothing is known of how good its vectors are."
    for evaluation in current:
        yield from _limits_of_evaluation(evaluation, data)


def _limits_of_data(data: Mapping[str, Any]) -> Iterator[str]:
    name = data["dataset"].rsplit("/", 1)[-1]
    seen = f"{data['trained_images']:,} images" if data["trained_images"] is not None else "images"
    yield f"It has seen {seen} of '{name}' and no others: kinds of images that are rare there it hardly knows."
    if "images" not in data:
        yield "The dataset that it was trained on is gone, and with it the recipe: it cannot be trained again alike."
    elif data["simulated"]:
        yield "It has seen simulated images only."


def _limits_of_evaluation(evaluation: Mapping[str, Any], data: Mapping[str, Any] | None) -> Iterator[str]:
    name = evaluation["dataset"].rsplit("/", 1)[-1]
    on = f"On '{name}'" + (f" by '{evaluation['label_column']}'" if evaluation["label_column"] else "")
    if data is not None and data["dataset"] == evaluation["dataset"]:
        yield f"{on}: the images are those that it learnt from, though without classes; new images may do worse."
    if evaluation["figures"].get("collapsed"):
        yield f"{on}: the space has collapsed, so that its neighbours and clusters mean nothing."
    for score, beside, measure in (
        ("knn_balanced_accuracy", "baselines", "nearest neighbours"),
        ("linear_probe_balanced_accuracy", "linear_probe_baselines", "a linear probe"),
    ):
        own, peers = evaluation[score], evaluation[beside]
        named = {"pixels": "raw pixels", "pca": "pixel PCA", "untrained": "an untrained network"}
        better = [
            f"{title} ({peers[key]:.3f})"
            for key, title in named.items()
            if own is not None and key in peers and peers[key] > own - _NO_GAIN
        ]
        if better:
            yield f"{on}: by {measure} it distinguishes classes no better ({own:.3f}) than {' or '.join(better)}."
    moved = [each for each in evaluation["robustness"] if each["same_image_first"] < 0.5]
    if moved:
        listed = ", ".join(each["change"].replace("_", " ") for each in moved)
        yield f"{on}: most images come to lie nearer to other images than to themselves after: {listed}."
    for each in evaluation["nuisances"]:
        if is_strong(each):
            yield (
                f"{on}: the {each['key'].replace('_', ' ')} of an image shows in its vector "
                f"({each['variance_explained']:.0%} of the variance of the vectors; "
                f"{max(each['predictability'], each['largest_predictability']):.0%} of it can be told from them): "
                "neighbours may be alike in that alone."
            )
    errors = evaluation["figures"]
    if errors.get("reconstruction_error", 0) > errors.get("reconstruction_error_pca", float("inf")):
        yield (
            f"{on}: its decoder draws images worse than as many principal components "
            f"({errors['reconstruction_error']:.3f} against {errors['reconstruction_error_pca']:.3f} of the variance)."
        )
