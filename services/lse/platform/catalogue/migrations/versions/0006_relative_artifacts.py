"""URIs of artifacts are relative to their root, so that an installation may be moved and copied."""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Folders of resources are named by kind and uid, so they are known wherever their root was.
_KINDS = "dataset|encoder|experiment|projection|clustering|prediction"
_ABSOLUTE = re.compile(rf'"(?:file|s3)://[^"]*/((?:{_KINDS})s/[0-9a-f]{{32}}/)')
_COLUMNS = {"resources": ("spec", "result"), "operations": ("parameters",), "operation_tasks": ("result",)}


def upgrade() -> None:
    """Rewrite what is kept."""
    connection = op.get_bind()
    for name, columns in _COLUMNS.items():
        table = sa.Table(name, sa.MetaData(), autoload_with=connection)
        keys = list(table.primary_key.columns)
        kept = [sa.Column(column, sa.JSON) for column in columns]
        view = sa.table(name, *(sa.column(key.name) for key in keys), *kept)
        for row in connection.execute(sa.select(view)).mappings().all():
            changed = {column: _relative(row[column]) for column in columns}
            if any(changed[column] != row[column] for column in columns):
                here = sa.and_(*(view.c[key.name] == row[key.name] for key in keys))
                connection.execute(sa.update(view).where(here).values(**changed))


def downgrade() -> None:
    """Nothing: absolute URIs were never needed, and the root is not known here."""


def _relative(value: object) -> object:
    return json.loads(_ABSOLUTE.sub(r'"artifact:/\1', json.dumps(value)))
