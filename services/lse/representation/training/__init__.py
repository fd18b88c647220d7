"""One resumable training run: images, views, learning, checkpoints, history."""
