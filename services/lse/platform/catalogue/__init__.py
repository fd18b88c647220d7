"""The catalogue: names, states and operations of all resources, in SQLite or PostgreSQL."""

from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.resources import Page, Resource, Resources

__all__ = ["Catalogue", "Page", "Resource", "Resources"]
