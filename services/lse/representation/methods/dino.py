"""DINO: a student sorts views of an image as a slowly following teacher sorts other views of it.

Caron et al. 2021, https://arxiv.org/abs/2104.14294; loss and projection head are those of lightly.  As in the paper,
the teacher sees two global views and the student these and a few local ones, which are smaller: the middle of a view,
off by up to a quarter of its free room, so that a source stays in.  Where the backbone takes no images of half the side
there are global views only.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field

from lse.methods import Method
from lse.representation.encoders.backbones import BACKBONES
from lse.representation.methods.method import Step, TrainingFacts, TrainingMethod
from lse.representation.methods.teacher import follow, teacher_of
from lse.representation.methods.views import ViewParameters, views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightly.models.modules import DINOProjectionHead
    from torch import Generator, Tensor, nn

    from lse.representation.encoders.encoder import Encoder

__all__ = ["DINO", "METHOD", "DINOParameters"]


class DINOParameters(ViewParameters):
    """Parameters of DINO."""

    local_views: int = Field(
        default=2, ge=0, le=16, description="Small views of half the side that the student must sort like whole ones."
    )
    prototypes: int = Field(default=1024, ge=2, le=65_536, description="Groups into which views are sorted.")
    student_temperature: float = Field(
        default=0.1, ge=0.01, le=10, description="Lower values make the student sort more sharply."
    )
    teacher_temperature: float = Field(
        default=0.04, ge=0.001, le=10, description="The same for the teacher, after the warm-up."
    )
    warmup_teacher_temperature: float = Field(
        default=0.04, ge=0.001, le=10, description="The same for the teacher, at the start."
    )
    teacher_warmup: float = Field(
        default=0.3, ge=0, le=1, description="Share of the run over which the teacher's temperature changes."
    )
    centre_momentum: float = Field(
        default=0.9, ge=0, lt=1, description="Share of itself that the centre of the teacher's answers keeps in a step."
    )
    momentum: float = Field(
        default=0.97,
        ge=0,
        le=1,
        description="Share of itself that the teacher keeps in a step, at the start; it rises to 1.",
    )
    projection_hidden: int = Field(default=256, ge=2, le=8192, description="Hidden units of the projection head.")
    projection_dim: int = Field(
        default=64, ge=2, le=4096, description="Length of the vector that is compared with the prototypes."
    )


class DINO(TrainingMethod):
    """Self-distillation with no labels: centred and sharpened answers of a teacher are what a student learns.

    The teacher stays in training mode, like BYOL's; the centre of its answers is a buffer of the loss, and the loss a
    part, so that a checkpoint holds it.
    """

    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="pooled", loss_ranks=False)

    def __init__(self, parameters: DINOParameters) -> None:
        self._parameters = parameters
        self._augmentation = parameters.augmentation()

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Projection head, the teacher's encoder and projection head, and the loss with its centre."""
        from lightly.loss import DINOLoss

        projection, teacher_projection = self._head(encoder), self._head(encoder)
        teacher_projection.load_state_dict(projection.state_dict())
        return {
            "projection": projection,
            "teacher": teacher_of(encoder),
            "teacher_projection": teacher_projection.requires_grad_(requires_grad=False),
            "criterion": DINOLoss(
                self._parameters.prototypes,
                student_temp=self._parameters.student_temperature,
                center_momentum=self._parameters.centre_momentum,
            ),
        }

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross entropy between the teacher's answers to the global views and the student's to all other views."""
        import torch

        whole = views(images, self._augmentation, step.generator)
        teacher = cast("Encoder", parts["teacher"])
        with torch.no_grad():
            taught = parts["teacher_projection"](teacher.features(whole)).chunk(2)
        answers = list(parts["projection"](encoder.features(whole)).chunk(2))
        local, side = self._parameters.local_views, encoder.size // 2
        least = BACKBONES[self._parameters.backbone].facts.minimum_size
        if local and self._parameters.neck != "flat" and side >= least:
            details = _middle(views(images, self._augmentation, step.generator, count=local), side, step.generator)
            answers += parts["projection"](encoder.features(details)).chunk(local)
        loss = parts["criterion"](list(taught), answers, teacher_temp=self._teacher_temperature(step.progress))
        return loss, {}

    def after_step(self, encoder: Encoder, parts: Mapping[str, nn.Module], step: Step) -> None:
        """Let the teacher follow."""
        follow(encoder, parts["teacher"], momentum=self._parameters.momentum, step=step)
        follow(parts["projection"], parts["teacher_projection"], momentum=self._parameters.momentum, step=step)

    def _head(self, encoder: Encoder) -> DINOProjectionHead:
        from lightly.models.modules import DINOProjectionHead

        with warnings.catch_warnings():
            # lightly 1.6 normalises weights by a function of torch that has a successor.
            warnings.filterwarnings("ignore", message=".*weight_norm.*", category=FutureWarning)
            return DINOProjectionHead(
                encoder.dimension,
                self._parameters.projection_hidden,
                self._parameters.projection_dim,
                self._parameters.prototypes,
            )

    def _teacher_temperature(self, progress: float) -> float:
        first, last = self._parameters.warmup_teacher_temperature, self._parameters.teacher_temperature
        warm = min(1.0, progress / self._parameters.teacher_warmup) if self._parameters.teacher_warmup > 0 else 1.0
        return first + (last - first) * warm


def _middle(images: Tensor, side: int, generator: Generator) -> Tensor:
    """Squares of a side from near the middle of images (n, channels, size, size), drawn for each image."""
    import torch

    room = images.shape[-1] - side
    first = room // 4 + torch.randint(
        room - 2 * (room // 4) + 1, (2, len(images)), generator=generator, device=images.device
    )
    rows, columns = first[..., None] + torch.arange(side, device=images.device)
    batch = torch.arange(len(images), device=images.device)
    # Indices with a slice between them put the channels last, which is how they lie in memory on a CPU.
    return images[batch[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="dino",
    title="DINO (self-distillation)",
    summary="Learns to sort whole images and their details into the same groups as a slowly moving copy of itself.",
    parameters=DINOParameters,
    run=DINO,
    facts=DINO.facts,
    order=40,
)
