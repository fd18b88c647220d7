"""The table of `representations.py`, and what its figures say about the targets."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

SELF_SUPERVISED = ("simclr", "byol", "vicreg", "dino", "mae")
PEER = "lightly-simclr"
_COLUMNS = (
    ("knn", "kNN"),
    ("probe", "linear probe"),
    ("knn_split", "kNN, given split"),
    ("probe_split", "probe, given split"),
    ("effective_rank", "effective rank"),
    ("epochs", "epochs"),
    ("cpu_seconds", "CPU s"),
)
_FIRST = ("chance", "pixels", "pca", "untrained-views", "untrained-decoder", PEER)

Rows = dict[tuple[str, str], list[dict[str, Any]]]


def table(cells: list[dict[str, Any]]) -> str:
    """Markdown of all cells: a table a data set, the targets, hand-set parameters and the curve of labels."""
    rows: Rows = defaultdict(list)
    for cell in cells:
        if not cell["settings"]:
            rows[cell["dataset"], cell["method"]].append(cell)
    parts = []
    for name in dict.fromkeys(cell["dataset"] for cell in cells):
        parts += [_scores(name, rows), _targets(name, rows, cells), _labels(name, cells)]
    return "\n\n".join(part for part in parts if part)


def _scores(name: str, rows: Rows) -> str:
    methods = [method for dataset, method in rows if dataset == name]
    ordered = [method for method in _FIRST if method in methods] + [m for m in methods if m not in _FIRST]
    columns = [(key, title) for key, title in _COLUMNS if any(key in cell for m in methods for cell in rows[name, m])]
    lines = [f"### {name}", "", f"| method | seeds | {' | '.join(title for _, title in columns)} |"]
    lines.append("|---" * (len(columns) + 2) + "|")
    for method in ordered:
        found = rows[name, method]
        values = [
            _mean_and_spread([cell[key] for cell in found if cell.get(key) is not None], key) for key, _ in columns
        ]
        collapsed = " (COLLAPSED)" if any(cell.get("collapsed") for cell in found) else ""
        lines.append(f"| {method}{collapsed} | {len(found)} | {' | '.join(values)} |")
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


def _targets(name: str, rows: Rows, cells: list[dict[str, Any]]) -> str:
    means = {
        method: float(np.mean([cell["knn"] for cell in found]))
        for (dataset, method), found in rows.items()
        if dataset == name
    }
    best = max((method for method in SELF_SUPERVISED if method in means), key=lambda m: means[m], default=None)
    lines = []

    def target(text: str, margin: float) -> None:
        lines.append(f"- {'kept' if margin >= 0 else 'NOT KEPT'}: {text} ({100 * margin:+.1f} points)")

    if best is not None and "pca" in means:
        wanted = 0.10 if name == "radio" else 0.0
        ahead = " at least 10 points" if wanted else ""
        target(f"best self-supervised ({best}){ahead} above pixel PCA", means[best] - means["pca"] - wanted)
    if best is not None and PEER in means:
        target(f"best self-supervised ({best}) not below {PEER} less 1 point", means[best] - means[PEER] + 0.01)
    for method in ("autoencoder", "vae"):
        if method in means and "pca" in means:
            target(f"{method} not below pixel PCA", means[method] - means["pca"])
    untrained = max((means[m] for m in ("untrained-views", "untrained-decoder") if m in means), default=None)
    if "bigan" in means and untrained is not None:
        target("bigan above the better untrained net", means["bigan"] - untrained)
    trained = {
        m: found for (dataset, m), found in rows.items() if dataset == name and any("epochs" in c for c in found)
    }
    fallen = sorted(m for m, found in trained.items() if m != PEER and any(cell["collapsed"] for cell in found))
    if trained:
        lines.append(
            f"- {'NOT KEPT' if fallen else 'kept'}: none collapses{': ' + ', '.join(fallen) if fallen else ''}"
        )
    by_hand: dict[tuple[str, str], list[float]] = defaultdict(list)
    for cell in cells:
        if cell["dataset"] == name and cell["settings"] and "epochs" in cell:
            shown = " ".join(f"{key}={value}" for key, value in cell["settings"].items())
            by_hand[cell["method"], shown].append(cell["knn"])
    for method in dict.fromkeys(method for method, _ in by_hand):
        tried = {shown: float(np.mean(values)) for (m, shown), values in by_hand.items() if m == method}
        top = max(tried, key=lambda shown: tried[shown])
        if method in means:
            hand = f"the best of {len(tried)} set by hand ({top}: {tried[top]:.3f})"
            target(f"defaults of {method} within 2 points of {hand}", means[method] - tried[top] + 0.02)
    return "\n".join(lines)


def _labels(name: str, cells: list[dict[str, Any]]) -> str:
    found: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        if cell["dataset"] == name and cell["method"].startswith("labels-"):
            found[cell["method"].removeprefix("labels-"), int(cell["settings"]["labels"])].append(cell)
    if not found:
        return ""
    lines = ["| labels a class | linear probe on | probe | net from scratch | draws |", "|---|---|---|---|---|"]
    for (method, count), each in sorted(found.items()):
        probe, scratch = ([cell[key] for cell in each] for key in ("probe", "scratch"))
        values = f"{_mean_and_spread(probe, 'probe')} | {_mean_and_spread(scratch, 'scratch')}"
        lines.append(f"| {count} | {method} | {values} | {len(each)} |")
    return "\n".join(lines)
