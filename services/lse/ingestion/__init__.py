"""Ingestion: source files become datasets of prepared images, each file one row, prepared or rejected."""
