"""Analyses of finished trainings: candidates, the Pareto front, efficiency and comparisons."""
