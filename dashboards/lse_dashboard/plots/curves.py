"""The loss of a training, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, HoverTool
from bokeh.plotting import figure

from lse_dashboard.data.courses import LOSSES
from lse_dashboard.plots.palette import BACKGROUND

__all__ = ["loss_plot", "show_losses"]

_COLOURS = ("#5aa9f7", "#f2a154")
_TEXT, _QUIET, _LINE = "#dde4ed", "#8b98a9", "#243040"


def show_losses(plot: Any, source: ColumnDataSource) -> None:
    """Let the legend name only the curves that there are."""
    for item, key in zip(plot.legend[0].items, LOSSES, strict=False):
        item.visible = bool(np.isfinite(source.data[key]).any())


def loss_plot(source: ColumnDataSource, best: ColumnDataSource, latest: ColumnDataSource) -> Any:
    """Figure of the losses of a training.

    Parameters
    ----------
    source
        Columns of `lse_dashboard.data.courses.loss_curves`.
    best
        Columns of `lse_dashboard.data.courses.best_epoch_loss`.
    latest
        Columns ``epoch`` and ``loss`` of the steps since the last of these epochs.
    """
    plot: Any = figure(
        height=210,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",  # type: ignore[call-arg]
        background_fill_color=BACKGROUND,
        border_fill_color=BACKGROUND,
        outline_line_color=None,
        min_border_right=16,
    )
    plot.xaxis.axis_label, plot.yaxis.axis_label = "epoch", "loss"
    # There are no half epochs.
    plot.xaxis.ticker = BasicTicker(min_interval=1, desired_num_ticks=8)
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=5)
    drawn: list[Any] = []
    for (key, title), colour in zip(LOSSES.items(), _COLOURS, strict=True):
        line = plot.line("epoch", key, source=source, color=colour, line_width=2, legend_label=title)
        dots = plot.scatter("epoch", key, source=source, color=colour, size=4, legend_label=title)
        drawn += [line, dots]
    plot.scatter(
        "epoch",
        "loss",
        source=best,
        size=11,
        line_color=_TEXT,
        fill_color=None,
        line_width=1.5,
        legend_label="best epoch",
    )
    plot.line("epoch", "loss", source=latest, color=_COLOURS[0], line_width=1, line_alpha=0.6, line_dash="dotted")
    plot.scatter("epoch", "loss", source=latest, color=_COLOURS[0], size=2, fill_alpha=0.6, line_alpha=0.6)
    hover = [("epoch", "@epoch{0}"), *((title, f"@{key}{{0.00000}}") for key, title in LOSSES.items())]
    plot.add_tools(HoverTool(tooltips=hover, renderers=drawn[1:2], mode="vline"))
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.update(
            axis_line_color=_LINE,
            major_tick_line_color=_LINE,
            minor_tick_line_color=None,
            major_label_text_color=_QUIET,
            major_label_text_font_size="11px",
            axis_label_text_color=_QUIET,
            axis_label_text_font_size="11px",
            axis_label_text_font_style="normal",
        )
    plot.grid.grid_line_color = _LINE
    plot.legend[0].update(
        background_fill_alpha=0.6,
        background_fill_color=BACKGROUND,
        border_line_color=None,
        label_text_color=_TEXT,
        label_text_font_size="11px",
        orientation="horizontal",
        location="top_right",
    )
    return plot
