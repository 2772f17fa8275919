"""Synthetic chips and scenes: farmland, channels and roads, in place of real data."""
