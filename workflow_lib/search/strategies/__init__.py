"""Search strategies: every module here declares one and is discovered; see `search.strategy_declaration`."""
