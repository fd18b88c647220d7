"""How `make docs` builds the documentation: the pages of this folder, the Python API and the gRPC API."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from error_reasons import write_reasons
from grpc_reference import write_reference

project = "Latent Space Explorer"
author = copyright = "Latent Space Explorer developers"  # noqa: A001  # the name that Sphinx reads
release = metadata.version("latent-space-explorer")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = project

myst_heading_anchors = 3
# A name in backticks is a Python object where there is one, else plain code.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

write_reasons(Path(__file__).parent / "reference" / "errors.md")
write_reference(Path(__file__).parent / "reference" / "grpc")
