"""Scenes, chips, bands, spectral indices and folds."""
