"""Latency predictors and the kernels that they price."""
