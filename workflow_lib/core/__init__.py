"""Config, table schemas, contracts, seeds, errors and search-space ids: light, no torch."""
