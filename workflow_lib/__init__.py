"""Edgefront: hardware-aware neural architecture search as a workflow."""

from typing import Final

SOFTWARE: Final = {"name": "Edgefront", "version": "0.1.0", "license": "MIT"}
"""What made a file, for files that leave the project."""
