"""Tables as files hold them: found out by their content, read whole, with units and descriptions."""

from lse.tables.files.content import read_table
from lse.tables.files.file_table import FileTable, TableError

__all__ = ["FileTable", "TableError", "read_table"]
