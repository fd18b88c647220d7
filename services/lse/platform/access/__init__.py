"""Who may what: projects and their members, tokens, logins, quotas, the audit log."""
