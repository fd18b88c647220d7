"""Who may what: projects and their members, tokens, logins, quotas, the audit log."""

from lse.platform.access.access import Access

__all__ = ["Access"]
