"""One thin command per rule: python -m workflow_lib.stages.<rule> --help."""
