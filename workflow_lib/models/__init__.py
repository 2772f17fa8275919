"""Plain torch networks, one module per search space."""
