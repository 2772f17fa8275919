"""Edgefront: hardware-aware neural architecture search as a workflow."""
