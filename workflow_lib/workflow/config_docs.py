"""What is generated from the configuration's model: its JSON schema and the table of its keys.

python -m workflow_lib.workflow.config_docs --fix writes both; a test fails while they differ from the model.
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
    """The configuration's JSON schema, for editors."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def key_table() -> str:
    """Every key as a Markdown table: name, type, default, meaning."""
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *_rows(Config, "")]) + "\n"


def _rows(section: type[Section], prefix: str) -> list[str]:
    rows = []
    for name, field in section.model_fields.items():
        key = prefix + name
        inner = _sections(field.annotation)
        default = field.get_default(call_default_factory=True)
        shown = "(required)" if default is PydanticUndefined else _spelled(default)
        rows.append(f"| `{key}` | {shown} | {field.description} |")
        for kind, suffix in inner:
            rows += _rows(kind, key + suffix + ".")
    return rows


def _spelled(default: Any) -> str:
    """A default as JSON; of a section nothing, because its keys have rows of their own."""
    if isinstance(default, Section):
        return ""
    return f"`{json.dumps(default, default=lambda section: section.model_dump(mode='json', exclude_defaults=True))}`"


def _sections(annotation: Any, suffix: str = "") -> list[tuple[type[Section], str]]:
    """Sections inside a type, with how a key inside them is spelled."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [(annotation, suffix)]
    origin, parts = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", ())
    more = {dict: ".<name>", list: "[]"}.get(origin, "") if origin else ""
    return [found for part in parts for found in _sections(part, suffix + more)]


def readme(text: str) -> str:
    """Put the table of keys between its two markers."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{key_table()}{END}{rest.split(END)[1]}"


def expected() -> dict[Path, str]:
    """File -> what it should hold."""
    guide = CONFIG_FOLDER / "README.md"
    return {CONFIG_FOLDER / "schema.json": json_schema(), guide: readme(guide.read_text(encoding="utf-8"))}


if __name__ == "__main__":
    for path, text in expected().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is out of step with the models of the configuration")
            if "--fix" not in sys.argv:
                sys.exit(1)
            path.write_text(text, encoding="utf-8")
