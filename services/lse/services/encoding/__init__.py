"""The encoding service."""
