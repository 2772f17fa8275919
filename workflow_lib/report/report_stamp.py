"""The stamp inside a report: digests of the configuration and of the tables from which it was made."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workflow_lib.core.files import sha256

_META = '<meta name="edgefront-{part}" content="{digest}">'
_HEAD_CHARACTERS = 2000


class Stamp(NamedTuple):
    """Digests of the inputs of a report.

    Attributes:
        config: digest of the configuration, without settings that only affect how jobs run.
        tables: digest of the names and contents of all tables that the report shows.
    """

    config: str
    tables: str

    def markup(self) -> str:
        """Return the HTML elements that store the stamp in the head of a page."""
        return "\n".join(_META.format(part=part, digest=digest) for part, digest in self._asdict().items())


def digest_tables(tables: Iterable[Path]) -> str:
    """Compute one digest of the names and contents of files, independent of their order."""
    lines = sorted(f"{sha256(path)}  {path.parent.name}/{path.name}" for path in tables)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_stamp(page: Path) -> Stamp | None:
    """Read the stamp of a report; None if the page has none."""
    with page.open(encoding="utf-8", errors="replace") as file:
        head = file.read(_HEAD_CHARACTERS)
    found = dict(re.findall(r'<meta name="edgefront-(\w+)" content="(\w+)">', head))
    return Stamp(**found) if found.keys() == set(Stamp._fields) else None
