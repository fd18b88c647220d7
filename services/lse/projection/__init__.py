"""Projection: the latent space of an experiment arranged in two or three dimensions."""
