"""The library's side of the Snakefile: inputs, flags, resources and rerun checks of all jobs."""
