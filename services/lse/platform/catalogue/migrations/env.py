"""Alembic environment: runs on the connection that `Catalogue.migrate` hands over."""

from alembic import context

from lse.platform.catalogue.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
