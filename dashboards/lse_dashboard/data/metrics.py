"""What the explorer tells Prometheus of itself, where `metrics_port` is set."""

from __future__ import annotations

from prometheus_client import Gauge, Histogram

__all__ = ["FRAMES", "SESSIONS"]

SESSIONS = Gauge("lse_explorer_sessions", "Pages that are open, or were until two minutes ago.")
FRAMES = Histogram("lse_explorer_frame_seconds", "Seconds that drawing a view of a map took.")
