"""Stages: one thin command per rule; see python -m workflow_lib.stages.<rule> --help."""
