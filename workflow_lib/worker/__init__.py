"""Warm workers: the jobs of one Snakemake are forked from a process that has preloaded their imports."""
