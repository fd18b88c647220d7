"""The loss of a training, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, HoverTool
from bokeh.plotting import figure

from lse_dashboard import wording
from lse_dashboard.data.training import LOSSES
from lse_dashboard.theme import Theme

__all__ = ["loss_plot", "show_losses"]

_SMALL = "11px"


def show_losses(plot: Any, source: ColumnDataSource) -> None:
    """Let the legend name only the curves that there are."""
    for item, key in zip(plot.legend[0].items, LOSSES, strict=False):
        item.visible = bool(np.isfinite(source.data[key]).any())


def loss_plot(source: ColumnDataSource, best: ColumnDataSource, latest: ColumnDataSource, theme: Theme) -> Any:
    """Figure of the losses of a training.

    Parameters
    ----------
    source
        Columns of `lse_dashboard.data.training.loss_curves`.
    best
        Columns of `lse_dashboard.data.training.best_epoch_loss`.
    latest
        Columns ``epoch`` and ``loss`` of the steps since the last of these epochs.
    theme
        Colours.
    """
    plot: Any = figure(
        height=210,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",  # type: ignore[call-arg]
        outline_line_color=None,
        min_border_right=16,
    )
    plot.xaxis.axis_label, plot.yaxis.axis_label = wording.LossCurves.EPOCH, wording.LossCurves.LOSS
    # There are no half epochs.
    plot.xaxis.ticker = BasicTicker(min_interval=1, desired_num_ticks=8)
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=5)
    colours = (theme.accent, theme.warm)
    dots = []
    for key, title, colour in zip(LOSSES, wording.LossCurves.TITLES, colours, strict=True):
        plot.line("epoch", key, source=source, color=colour, line_width=2, legend_label=title)
        dots.append(plot.scatter("epoch", key, source=source, color=colour, size=4, legend_label=title))
    ring = {"line_color": theme.text, "fill_color": None, "line_width": 1.5}
    plot.scatter("epoch", "loss", source=best, size=11, legend_label=wording.LossCurves.BEST, **ring)
    plot.line("epoch", "loss", source=latest, color=colours[0], line_alpha=0.6, line_dash="dotted")
    plot.scatter("epoch", "loss", source=latest, color=colours[0], size=2, fill_alpha=0.6, line_alpha=0.6)
    hover = [(title, f"@{key}{{0.00000}}") for key, title in zip(LOSSES, wording.LossCurves.TITLES, strict=True)]
    tooltips = [(wording.LossCurves.EPOCH, "@epoch{0}"), *hover]
    plot.add_tools(HoverTool(tooltips=tooltips, renderers=dots[:1], mode="vline"))
    _colour(plot, theme)
    return plot


def _colour(plot: Any, theme: Theme) -> None:
    plot.update(background_fill_color=theme.panel, border_fill_color=theme.panel)
    plot.grid.grid_line_color = theme.line
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.update(
            axis_line_color=theme.line,
            major_tick_line_color=theme.line,
            minor_tick_line_color=None,
            major_label_text_color=theme.quiet,
            major_label_text_font_size=_SMALL,
            axis_label_text_color=theme.quiet,
            axis_label_text_font_size=_SMALL,
            axis_label_text_font_style="normal",
        )
    plot.legend[0].update(
        background_fill_alpha=0.6,
        background_fill_color=theme.panel,
        border_line_color=None,
        label_text_color=theme.text,
        label_text_font_size=_SMALL,
        orientation="horizontal",
        location="top_right",
    )
