"""A file becomes a tensor: formats, sources, recipes, positions on the sky, thumbnails."""
