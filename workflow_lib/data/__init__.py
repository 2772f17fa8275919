"""Chips, bands, spectral indices and folds."""
