"""What the client returns: frozen dataclasses made from the messages of the services."""

from lse.client.resources.annotations import LabelScheme, Selection, Suggestion
from lse.client.resources.clusterings import Cluster, Clustering, Comparison
from lse.client.resources.datasets import Dataset, Image, Preview, PreviewedImage
from lse.client.resources.encoders import Encoder, Evaluation
from lse.client.resources.experiments import Experiment, Match, Projection
from lse.client.resources.fields import MadeResource, NamedResource, State
from lse.client.resources.methods import Method, Parameter

__all__ = [
    "Cluster",
    "Clustering",
    "Comparison",
    "Dataset",
    "Encoder",
    "Evaluation",
    "Experiment",
    "Image",
    "LabelScheme",
    "MadeResource",
    "Match",
    "Method",
    "NamedResource",
    "Parameter",
    "Preview",
    "PreviewedImage",
    "Projection",
    "Selection",
    "State",
    "Suggestion",
]
