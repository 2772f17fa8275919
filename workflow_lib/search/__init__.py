"""What there is to choose from, and ways to choose."""
