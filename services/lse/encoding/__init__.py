"""Encoding: a dataset seen through an encoder, one vector an image."""
