"""The groups of commands, one a module with the name of the group: `lse.cli.main` finds them here."""
