"""Dominance, ranks, hypervolume and what noise makes of them: pure NumPy."""
