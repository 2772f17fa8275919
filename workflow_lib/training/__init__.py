"""The training loop, its metrics, and the aggregation of scores over folds."""
