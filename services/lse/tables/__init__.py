"""Catalogues in, exports out: what is known about each image, as Arrow tables."""
