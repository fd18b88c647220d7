"""The annotation service."""
