"""Latent Space Explorer."""
