"""What a report was made from: a digest of the configuration and one of the tables, inside the page."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workflow_lib.core.files import sha256

_META = '<meta name="edgefront-{part}" content="{digest}">'
_HEAD_CHARACTERS = 2000


class Stamp(NamedTuple):
    """Digests of what made a report.

    Attributes:
        config: of the configuration, without what only says how jobs run.
        tables: of the names and contents of all tables that the report shows.
    """

    config: str
    tables: str

    def markup(self) -> str:
        """The elements that carry it in the head of a page."""
        return "\n".join(_META.format(part=part, digest=digest) for part, digest in self._asdict().items())


def digest_tables(tables: Iterable[Path]) -> str:
    """One digest of the names and contents of some files, in whatever order they come."""
    lines = sorted(f"{sha256(path)}  {path.parent.name}/{path.name}" for path in tables)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_stamp(page: Path) -> Stamp | None:
    """The stamp of a report; None if the page has none."""
    with page.open(encoding="utf-8", errors="replace") as file:
        head = file.read(_HEAD_CHARACTERS)
    found = dict(re.findall(r'<meta name="edgefront-(\w+)" content="(\w+)">', head))
    return Stamp(**found) if found.keys() == set(Stamp._fields) else None
