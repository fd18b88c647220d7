"""A latent space explained in pixels: traversals, saliency, prototypes."""
