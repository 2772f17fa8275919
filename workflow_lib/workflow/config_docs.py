"""Documents generated from the configuration's models: the JSON schema and the table of keys.

`python -m workflow_lib.workflow.config_docs --fix` writes both. A test fails if they differ from the models.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from workflow_lib.config import Config
from workflow_lib.core.section import Section

CONFIG_FOLDER = Path(__file__).parents[2] / "config"
BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"


def json_schema() -> str:
    """Return the JSON schema of the configuration, for editors."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def key_table() -> str:
    """Return a Markdown table of all keys: name, default, meaning."""
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *_rows(Config, "")]) + "\n"


def _rows(section: type[Section], prefix: str) -> list[str]:
    rows = []
    for name, field in section.model_fields.items():
        key = prefix + name
        inner = _sections(field.annotation)
        default = field.get_default(call_default_factory=True)
        shown = "(required)" if default is PydanticUndefined else _default_text(default)
        rows.append(f"| `{key}` | {shown} | {field.description} |")
        for kind, suffix in inner:
            rows += _rows(kind, key + suffix + ".")
    return rows


def _default_text(default: Any) -> str:
    """Return a default as JSON, or nothing for a section, whose keys have their own rows."""
    if isinstance(default, Section):
        return ""
    return f"`{json.dumps(default, default=lambda section: section.model_dump(mode='json', exclude_defaults=True))}`"


def _sections(annotation: Any, suffix: str = "") -> list[tuple[type[Section], str]]:
    """List the sections within a type, with the suffix that leads to their keys, such as ".<name>"."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [(annotation, suffix)]
    origin, parts = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", ())
    more = {dict: ".<name>", list: "[]"}.get(origin, "") if origin else ""
    return [found for part in parts for found in _sections(part, suffix + more)]


def readme(text: str) -> str:
    """Replace the table of keys between its two markers.

    Args:
        text: content of config/README.md.
    """
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{key_table()}{END}{rest.split(END)[1]}"


def expected() -> dict[Path, str]:
    """Map each generated file to its expected content."""
    guide = CONFIG_FOLDER / "README.md"
    return {CONFIG_FOLDER / "schema.json": json_schema(), guide: readme(guide.read_text(encoding="utf-8"))}


if __name__ == "__main__":
    for path, text in expected().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} differs from the configuration's models")
            if "--fix" not in sys.argv:
                sys.exit(1)
            path.write_text(text, encoding="utf-8")
