"""Generated chips: farmland, channels and roads, in place of real ones."""
