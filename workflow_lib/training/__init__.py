"""The training loop, its metrics, and their aggregation over folds."""
