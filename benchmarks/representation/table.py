"""The table of `representations.py`, and what its figures say about the targets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

SELF_SUPERVISED = ("simclr", "byol", "vicreg", "dino", "mae")
PEER = "lightly-simclr"
_UNTRAINED = ("untrained-views", "untrained-decoder")
_COLUMNS = (
    ("knn", "kNN"),
    ("majority", "kNN, majority"),
    ("probe", "linear probe"),
    ("knn_split", "kNN, given split"),
    ("majority_split", "majority, given split"),
    ("probe_split", "probe, given split"),
    ("effective_rank", "effective rank"),
    ("epochs", "epochs"),
    ("cpu_seconds", "CPU s"),
)
_FIRST = ("chance", "pixels", "pca", *_UNTRAINED, PEER)

Cells = list[dict[str, Any]]


@dataclass(frozen=True)
class Target:
    """What the scores of a data set shall show.

    Attributes
    ----------
    text
        What that is.
    margin
        Balanced accuracy by which it is kept, negative where it is not.
    """

    text: str
    margin: float

    @property
    def kept(self) -> bool:
        """Whether the scores show it."""
        return self.margin >= 0


def markdown(cells: Cells) -> str:
    """Tables of all cells: the scores of each data set, its targets, hand-set parameters and the curve of labels."""
    parts = []
    for name, found in _by_dataset(cells).items():
        targets = [
            f"- {'kept' if target.kept else 'NOT KEPT'}: {target.text} ({100 * target.margin:+.1f} points)"
            for target in _targets(name, found)
        ]
        collapsed = _collapsed(found)
        targets.append(f"- NOT KEPT: {', '.join(collapsed)} collapsed" if collapsed else "- kept: none collapsed")
        parts += [_scores(name, found), "\n".join(targets), _labels(found)]
    return "\n\n".join(part for part in parts if part)


def summary(cells: Cells) -> dict[str, Any]:
    """Mean scores by data set and method, and the targets, for a program."""
    told: dict[str, Any] = {}
    for name, found in _by_dataset(cells).items():
        methods = _by_method(found)
        told[name] = {
            "scores": {
                method: {
                    "seeds": len(runs),
                    **{
                        key: float(np.mean([run[key] for run in runs]))
                        for key, _ in _COLUMNS
                        if all(run.get(key) is not None for run in runs)
                    },
                }
                for method, runs in methods.items()
            },
            "targets": [
                {"target": target.text, "margin": target.margin, "kept": target.kept}
                for target in _targets(name, found)
            ],
            "collapsed": _collapsed(found),
        }
    return told


def _by_dataset(cells: Cells) -> dict[str, Cells]:
    found: dict[str, Cells] = defaultdict(list)
    for cell in cells:
        found[cell["dataset"]].append(cell)
    return found


def _by_method(cells: Cells) -> dict[str, Cells]:
    """Cells of default parameters, what is not learnt first."""
    found: dict[str, Cells] = defaultdict(list)
    for cell in cells:
        if not cell["settings"]:
            found[cell["method"]].append(cell)
    ordered = [method for method in _FIRST if method in found] + [method for method in found if method not in _FIRST]
    return {method: found[method] for method in ordered}


def _scores(name: str, cells: Cells) -> str:
    methods = _by_method(cells)
    columns = [(key, title) for key, title in _COLUMNS if any(key in run for runs in methods.values() for run in runs)]
    lines = [f"### {name}", "", f"| method | seeds | {' | '.join(title for _, title in columns)} |"]
    lines.append("|---" * (len(columns) + 2) + "|")
    for method, runs in methods.items():
        values = [_mean_and_spread([run[key] for run in runs if run.get(key) is not None], key) for key, _ in columns]
        lines.append(f"| {method} | {len(runs)} | {' | '.join(values)} |")
    return "\n".join(lines)


def _mean_and_spread(values: list[float], key: str) -> str:
    """Mean, and standard deviation over the seeds."""
    if not values:
        return ""
    mean = float(np.mean(values))
    if key in ("epochs", "cpu_seconds"):
        return f"{mean:.0f}"
    digits = 1 if key == "effective_rank" else 3
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{mean:.{digits}f}{spread}"


def _targets(name: str, cells: Cells) -> list[Target]:
    means = {method: float(np.mean([run["knn"] for run in runs])) for method, runs in _by_method(cells).items()}
    best = max((method for method in SELF_SUPERVISED if method in means), key=lambda m: means[m], default=None)
    untrained = max((means[method] for method in _UNTRAINED if method in means), default=None)
    targets = []
    if best is not None and "pca" in means:
        wanted = 0.10 if name == "radio" else 0.0
        ahead = " at least 10 points" if wanted else ""
        text = f"best self-supervised ({best}){ahead} above pixel PCA"
        targets.append(Target(text, means[best] - means["pca"] - wanted))
    if best is not None and PEER in means:
        text = f"best self-supervised ({best}) not below {PEER} less 1 point"
        targets.append(Target(text, means[best] - means[PEER] + 0.01))
    targets += [
        Target(f"{method} not below pixel PCA", means[method] - means["pca"])
        for method in ("autoencoder", "vae")
        if method in means and "pca" in means
    ]
    if "bigan" in means and untrained is not None:
        targets.append(Target("bigan above the better untrained net", means["bigan"] - untrained))
    return targets + _hand_set(means, cells)


def _collapsed(cells: Cells) -> list[str]:
    """Methods of which a training with default parameters collapsed; what is not learnt cannot."""
    learnt = (cell for method, runs in _by_method(cells).items() if method != PEER for cell in runs if "epochs" in cell)
    return sorted({cell["method"] for cell in learnt if cell["collapsed"]})


def _hand_set(means: dict[str, float], cells: Cells) -> list[Target]:
    """Defaults beside parameters that were set by hand."""
    tried: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if cell["settings"] and "epochs" in cell:
            shown = " ".join(f"{key}={value}" for key, value in cell["settings"].items())
            tried[cell["method"]][shown].append(cell["knn"])
    targets = []
    for method, settings in tried.items():
        scores = {shown: float(np.mean(values)) for shown, values in settings.items()}
        top = max(scores, key=lambda shown: scores[shown])
        text = (
            f"defaults of {method} within 2 points of the best of {len(scores)} set by hand ({top}: {scores[top]:.3f})"
        )
        if method in means:
            targets.append(Target(text, means[method] - scores[top] + 0.02))
    return targets


def _labels(cells: Cells) -> str:
    found: dict[tuple[str, int], Cells] = defaultdict(list)
    for cell in cells:
        if cell["method"].startswith("labels-"):
            found[cell["method"].removeprefix("labels-"), int(cell["settings"]["labels"])].append(cell)
    if not found:
        return ""
    ways = {"probe": "linear probe", "fine-tuning": "fine-tuning", "scratch": "net from scratch"}
    lines = [f"| labels a class | encoder | {' | '.join(ways.values())} | draws |", "|---|---|---|---|---|---|"]
    for (method, count), draws in sorted(found.items()):
        scores = " | ".join(_mean_and_spread([draw[key] for draw in draws], key) for key in ways)
        lines.append(f"| {count} | {method} | {scores} | {len(draws)} |")
    return "\n".join(lines)
