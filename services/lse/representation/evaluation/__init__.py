"""How good an encoder is, with and without labels, and its card."""
