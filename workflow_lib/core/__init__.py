"""Shared basics: configuration sections, table schemas, contracts, seeds and errors. Nothing here imports torch."""
