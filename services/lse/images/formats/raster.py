"""Still images that Pillow decodes exactly."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lse.images.formats.library_warnings import collected_notes
from lse.images.formats.source_image import MetadataValue, ReadError, ReadLimits, SourceImage, channel_names, narrowed

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["read_raster"]

_RGB = ("red", "green", "blue")
_DEPTHS = {"1": 1, "I": 32, "F": 32, "I;16": 16, "I;16B": 16, "I;16L": 16, "I;16N": 16}


def read_raster(content: bytes, name: str, limits: ReadLimits, *, kind: str, frame: int = 0) -> SourceImage:
    """Decode one still image: grey or colour, upright by its EXIF orientation, fully transparent pixels NaN.

    Values stay as the file has them: 0 to 255 for 8 bits, 0 to 65535 for 16.  Palettes and CMYK become RGB.  PNG colour
    of 16 bits a channel is decoded by its 8 high bits (Pillow keeps no more), told by ``bits_kept`` in the metadata.

    Parameters
    ----------
    content, name, limits
        As for every reader.
    kind
        Pillow's name of the format.
    frame
        Which of its frames or pages.
    """
    from PIL import Image, ImageOps  # loaded when an image is read

    with collected_notes() as notes:
        try:
            with Image.open(io.BytesIO(content), formats=(kind,)) as image:
                metadata: dict[str, MetadataValue] = {"format": kind}
                frames = getattr(image, "n_frames", 1)
                if frames > 1:
                    metadata["frames"] = frames  # of which one is read
                    image.seek(frame)
                width, height = image.size
                limits.check_pixels(width * height * len(image.getbands()), name)
                bits_kept = _bits_kept(content, kind)
                image.load()
                pixels, channels, depth = _decoded(ImageOps.exif_transpose(image), name)
        except Image.DecompressionBombError as error:
            message = f"{name} declares more pixels than may be decoded: cut it into smaller images."
            raise ReadError(message, reason="IMAGE_TOO_LARGE", name=name) from error
        except OSError as error:
            if "truncated" in str(error).lower() or "Truncated" in str(error):
                message = f"{name} ends in the middle of its pixels: get the file again."
                raise ReadError(message, reason="IMAGE_TRUNCATED", name=name) from error
            raise
    metadata |= {"width": pixels.shape[2], "height": pixels.shape[1], "bit_depth": depth}
    if bits_kept:
        metadata |= {"bit_depth": 8, "file_bit_depth": 16, "bits_kept": bits_kept}
    if notes:
        metadata["reader_notes"] = "; ".join(notes)
    return SourceImage(pixels=pixels, channels=channels, metadata=metadata)


def _bits_kept(content: bytes, kind: str) -> int:
    """Bits kept of a PNG with 16 bits and several channels (bytes 24 and 25 of its header), else 0: all are kept."""
    return 8 if kind == "PNG" and len(content) > 25 and content[24] == 16 and content[25] in (2, 4, 6) else 0


def _decoded(image: Image.Image, name: str) -> tuple[NDArray[Any], tuple[str, ...], int]:
    depth = _DEPTHS.get(image.mode, 8)
    if image.has_transparency_data and image.mode not in ("I;16", "I", "F"):
        image = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
    elif image.mode == "1":
        image = image.convert("L")
        depth = 8
    elif image.mode in ("P", "CMYK", "YCbCr", "HSV", "RGBX"):
        image = image.convert("RGB")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        message = f"{name} has the colour mode {image.mode}, which is not read: save it as grey or RGB."
        raise ReadError(message, reason="COLOUR_UNSUPPORTED", name=name, mode=image.mode)
    array: NDArray[Any] = np.asarray(image)
    planes = array[np.newaxis] if array.ndim == 2 else np.moveaxis(array, -1, 0)
    colour = image.mode.startswith("RGB")
    kept = 3 if colour else 1
    pixels = narrowed(planes[:kept])
    if image.mode in ("LA", "RGBA"):
        transparent = planes[kept] == 0
        if transparent.any():
            pixels[:, transparent] = np.nan
    return pixels, _RGB if colour else channel_names(1), depth
