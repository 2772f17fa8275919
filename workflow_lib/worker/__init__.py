"""Warm workers: jobs of one Snakemake share a process that has imported what they need."""
