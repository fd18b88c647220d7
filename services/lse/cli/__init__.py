"""The `lse` command."""

from lse.caches import keep_caches

__all__ = ["keep_caches"]

# Before anything else is imported, and so compiled.
keep_caches()
