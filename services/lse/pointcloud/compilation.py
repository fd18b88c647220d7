"""Kernels compiled once for a machine, so that the first picture of a process need not wait for them."""

from __future__ import annotations

import numpy as np

from lse.pointcloud.cloud import build_cloud
from lse.pointcloud.coded import Coded
from lse.pointcloud.counting import rasterise
from lse.pointcloud.parts import Part
from lse.pointcloud.picking import inside_outline, inside_polygon, nearest
from lse.pointcloud.sets import PointSet
from lse.pointcloud.shading import Layer, shade
from lse.pointcloud.solid import choose_detail, packed_points, splat
from lse.pointcloud.window import Window

__all__ = ["compile_kernels"]


def compile_kernels() -> None:
    """Compile what building, drawing and picking run, into numba's cache folder."""
    random = np.random.default_rng(0)
    solid, camera = build_cloud(random.random((50, 3), np.float32)), np.eye(4)
    for part in (Part.of(solid), Part.of(solid, PointSet.of(np.arange(50) < 9))):
        packed_points(part, choose_detail(part, camera, 10).spans)
    inside_outline(solid, camera, np.array([[0, 0], [1, 0], [0, 1]]))
    splat(solid, camera, Coded(np.zeros(50, np.uint16), 1), size=(8, 8), diameter=1, ends=(0, 1))
    labels = tuple("ab")
    cloud = build_cloud(
        random.random((50, 2), np.float32), columns={"half": (np.arange(50) % 2, labels)}, tile_points=10
    )
    window = Window((0.2, 0.8), (0.2, 0.8), 12, 8)
    cloud.counts(window)
    cloud.category_counts(window, "half")
    nearest(cloud, (0.5, 0.5), 0.1)
    chosen = inside_polygon(cloud, np.array([[0.2, 0.2], [0.8, 0.2], [0.5, 0.8]])).points_of(cloud)
    codes = cloud.columns["half"].codes
    (chosen | PointSet.among(codes, np.array([True, False]))).has(chosen.places())
    seen, coded = cloud.seen(window), Coded(codes, 2, raised=chosen)
    coded.at(chosen.places())
    for diameter in (1.0, 3.0):
        pixels = rasterise(seen, coded, diameter=diameter)
        for colours in (2, 200):
            shade(pixels, (Layer(np.zeros((colours, 3), np.uint8)),))
