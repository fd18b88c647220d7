"""Point clouds with levels of detail: built once, then any view of them costs what it shows.

`build_cloud` puts points into tiles; `PointCloud.counts` counts them in the pixels of a `Window` as Datashader does, to
the last bit, or counts a fair sample; `lse.pointcloud.counting.rasterise` and `lse.pointcloud.shading.shade` draw them;
`lse.pointcloud.picking` finds them by place; `lse.pointcloud.solid` chooses, packs and draws those that a camera sees
in three dimensions; `write_cloud`, `open_cloud` and `append_points` keep them on disk, where `build_cloud_on_disk`
builds those that do not fit into memory; `publish_cloud` and `PublishedCloud` of `lse.pointcloud.published` write and
read them where no service is.
"""

from lse.pointcloud.cloud import Column, PointCloud, build_cloud
from lse.pointcloud.out_of_core import build_cloud_on_disk
from lse.pointcloud.storage import append_points, open_cloud, write_cloud
from lse.pointcloud.window import Window

__all__ = [
    "Column",
    "PointCloud",
    "Window",
    "append_points",
    "build_cloud",
    "build_cloud_on_disk",
    "open_cloud",
    "write_cloud",
]
