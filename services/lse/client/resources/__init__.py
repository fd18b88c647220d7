"""What the client returns: frozen dataclasses made from the messages of the services."""

from lse.client.resources.access import AuditEntry, Caller, Garbage, Member, Project, Quota, QuotaLimits, Token
from lse.client.resources.annotations import (
    Bookmark,
    ExpertAgreement,
    ExpertCount,
    ExpertPair,
    LabelScheme,
    Selection,
    Suggestion,
)
from lse.client.resources.clusterings import Cluster, Clustering, Comparison
from lse.client.resources.datasets import Dataset, Image, Preview, PreviewedImage
from lse.client.resources.encoders import Encoder, EncoderVersion, ViewsPreview
from lse.client.resources.estimates import Backbone, TrainingEstimate
from lse.client.resources.evaluations import (
    ClassRecall,
    EncoderCard,
    Evaluation,
    Nuisance,
    PeerComparison,
    Robustness,
)
from lse.client.resources.experiments import Experiment, Match, Projection
from lse.client.resources.explanations import (
    AxisTraversal,
    Concept,
    Concepts,
    ImagePath,
    ImageSamples,
    Picture,
    Prototypes,
    Similarity,
    Traversals,
)
from lse.client.resources.fields import MadeResource, NamedResource, State
from lse.client.resources.methods import Method, Parameter
from lse.client.resources.originals import OriginalImage
from lse.client.resources.predictions import PredictedClass, Prediction
from lse.client.resources.training_runs import TrainingRun

__all__ = [
    "AuditEntry",
    "AxisTraversal",
    "Backbone",
    "Bookmark",
    "Caller",
    "ClassRecall",
    "Cluster",
    "Clustering",
    "Comparison",
    "Concept",
    "Concepts",
    "Dataset",
    "Encoder",
    "EncoderCard",
    "EncoderVersion",
    "Evaluation",
    "Experiment",
    "ExpertAgreement",
    "ExpertCount",
    "ExpertPair",
    "Garbage",
    "Image",
    "ImagePath",
    "ImageSamples",
    "LabelScheme",
    "MadeResource",
    "Match",
    "Member",
    "Method",
    "NamedResource",
    "Nuisance",
    "OriginalImage",
    "Parameter",
    "PeerComparison",
    "Picture",
    "PredictedClass",
    "Prediction",
    "Preview",
    "PreviewedImage",
    "Project",
    "Projection",
    "Prototypes",
    "Quota",
    "QuotaLimits",
    "Robustness",
    "Selection",
    "Similarity",
    "State",
    "Suggestion",
    "Token",
    "TrainingEstimate",
    "TrainingRun",
    "Traversals",
    "ViewsPreview",
]
