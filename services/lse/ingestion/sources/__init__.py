"""Sources: the files a dataset is made of, and the catalogue that tells more about them."""

from lse.ingestion.sources.catalogue import Catalogue, JoinedCatalogue, join_catalogue, read_catalogue
from lse.ingestion.sources.files import Source, find_sources

__all__ = ["Catalogue", "JoinedCatalogue", "Source", "find_sources", "join_catalogue", "read_catalogue"]
