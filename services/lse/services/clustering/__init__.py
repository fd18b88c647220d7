"""The clustering service."""
