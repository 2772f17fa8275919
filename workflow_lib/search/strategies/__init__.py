"""Search strategies: one module each, found by its place. See `search.strategy_declaration`."""
