"""The `lse` command."""
