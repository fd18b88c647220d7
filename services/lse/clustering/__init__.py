"""Clustering: groups of images suggested in the latent space of an experiment or on a projection of it."""
