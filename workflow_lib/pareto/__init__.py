"""Dominance, ranks, hypervolume, relative efficiency and their uncertainty; pure NumPy, apart from the solvers."""
