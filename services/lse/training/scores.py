"""Moved to `lse.training.judging`."""

from lse.training.judging.baselines import Baselines as Baselines, baselines as baselines
from lse.training.judging.geometry import Collapse as Collapse, collapse as collapse, effective_rank as effective_rank
from lse.training.judging.neighbours import ClassScore as KnnScore, knn_balanced_accuracy as knn_balanced_accuracy
