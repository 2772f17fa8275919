"""What the Snakefile asks of the library: which files are out of date."""
