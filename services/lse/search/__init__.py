"""Search: the images most similar to an image, a file, a vector, a selection or a cluster."""
