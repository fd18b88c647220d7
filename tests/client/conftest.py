"""Clients of the running services."""

from proxied_client import client, prepared_client, proxy

__all__ = ["client", "prepared_client", "proxy"]
