"""The explorer: a web dashboard through which an expert walks in the latent space of an image collection."""
