"""A survey of any table of models: fronts, ranks, efficiency and a page, without a run."""
