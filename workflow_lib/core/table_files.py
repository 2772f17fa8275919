"""Tables on disk: checked against their schema when written and when read."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from workflow_lib.core import provenance
from workflow_lib.core.csv_files import is_csv, parse_flags, read_csv
from workflow_lib.core.errors import TableError, UserError
from workflow_lib.core.files import atomic_path
from workflow_lib.core.parquet import TABLE_KEY, DamagedTableError, read_sealed, write_sealed
from workflow_lib.core.schema import Column, Table

_SCALARS = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "flag": pa.bool_()}


def write(table: Table, frame: pd.DataFrame, path: Path) -> None:
    """Check a table and write it atomically; see `Table.write`."""
    arrow = to_arrow(table, table.complete(frame), path)
    with atomic_path(path) as temporary:
        if is_csv(path):
            _to_csv_frame(arrow).to_csv(temporary, index=False)
        else:
            write_sealed(arrow.replace_schema_metadata(arrow.schema.metadata | provenance.stamp()), temporary)


def read(table: Table, path: Path) -> pd.DataFrame:
    """Read a file and check it; see `Table.read`."""
    frame = read_any(path)
    if is_csv(path):
        return _as_declared(table, table.complete(_typed(table, frame, path)), path)
    try:
        return _as_declared(table, frame, path)
    except TableError as error:
        raise DamagedTableError(path, error.what) from None


def read_filled(table: Table, path: Path) -> pd.DataFrame:
    """Read a file that must have rows; see `Table.read_filled`."""
    frame = read(table, path)
    if frame.empty:
        raise DamagedTableError(path, f"table {table.name}: no rows")
    return frame


def concatenate(table: Table, parts: Sequence[pd.DataFrame], where: Path) -> pd.DataFrame:
    """Join tables of one schema; see `Table.concatenate`."""
    return _as_declared(table, table.complete(pd.concat(parts, ignore_index=True)), where)


def to_arrow(table: Table, frame: pd.DataFrame, path: Path) -> pa.Table:
    """Check a frame against its schema.

    Args:
        table: the schema.
        frame: all its columns.
        path: named in an error.

    Returns:
        The rows with the declared types, and units and meanings in the metadata.

    Raises:
        TableError: if the frame is not as declared.
    """
    declared = _declared(table, frame, path)
    fields = [_arrow_field(_settled(column, frame[name]), name) for name, column in declared.items()]
    schema = pa.schema(fields, {TABLE_KEY: table.name})
    try:
        arrow = pa.Table.from_pandas(frame, schema=schema, preserve_index=False, safe=True)
    except (pa.ArrowException, ValueError) as error:
        raise TableError(f"table {table.name}: {error}", path) from None
    for name, column in declared.items():
        _check_values(table, name, column, arrow[name], path)
    twice = frame.duplicated(list(table.key)) if table.key else pd.Series(dtype=bool)
    if twice.any():
        values = ", ".join(f"{name} {frame[name][twice].iloc[0]}" for name in table.key)
        raise TableError(f"table {table.name}: two rows with {values}", path)
    return arrow


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a CSV file of no declared schema, for people, atomically."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False)


def read_any(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file whose columns are not declared.

    Args:
        path: the file; its suffix says which format it has. All cells of a CSV file stay text.

    Raises:
        TableError: if it is no such file.
        DamagedTableError: if it is a Parquet file that cannot be read, or one of this project that has changed since.
    """
    try:
        if is_csv(path):
            return read_csv(path)
        if path.suffix.lower() != ".parquet":
            raise TableError("tables are .csv or .parquet files", path)
        return _read_parquet(path)
    except FileNotFoundError:
        raise TableError("no such file", path) from None


def _arrow_field(column: Column, name: str) -> pa.Field:
    """The column's type in Parquet; its unit and meaning are in the metadata."""
    scalar = _SCALARS.get(column.kind)
    kind = scalar if scalar is not None else pa.list_(_SCALARS[column.kind.removesuffix("s")])
    return pa.field(name, kind, nullable=column.optional, metadata={"unit": column.unit, "meaning": column.meaning})


def _settled(column: Column, values: pd.Series) -> Column:
    """The same column with the kind that its values have, where the schema leaves it open."""
    if column.kind != "choice":
        return column
    return replace(column, kind="integer" if pd.api.types.is_integer_dtype(values) else "text")


def _typed(table: Table, texts: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Turn the text of a CSV file into the values of a table's columns; lists are not supported."""
    typed = texts.copy()
    for column in table.columns:
        if column.name not in texts:
            continue
        cells = texts[column.name]
        if column.kind == "flag":
            typed[column.name] = parse_flags(cells, path)
        elif column.kind == "text":
            typed[column.name] = cells.where(cells != "", None) if column.optional else cells
        else:
            numbers = pd.to_numeric(cells.where(cells != "", None), errors="coerce")
            if (wrong := numbers.isna() & (cells != "") & (cells.str.lower() != "nan")).any():
                raise TableError(f"table {table.name}: column {column.name} holds {cells[wrong].iloc[0]!r}", path)
            typed[column.name] = numbers
    return typed


def _as_declared(table: Table, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    checked: pd.DataFrame = to_arrow(table, frame, path).to_pandas()
    return checked


def _declared(table: Table, frame: pd.DataFrame, path: Path) -> dict[str, Column]:
    declared: dict[str, Column] = {}
    fixed = {column.name for column in table.columns if not column.family}
    for column in table.columns:
        if column.family:
            matching = [str(name) for name in frame.columns if re.fullmatch(column.name, str(name))]
            declared |= {name: column for name in matching if name not in declared and name not in fixed}
        else:
            declared[column.name] = column
    missing = [name for name in declared if name not in frame.columns]
    unknown = [str(name) for name in frame.columns if name not in declared]
    if missing or unknown:
        raise TableError(f"table {table.name}: columns missing {missing}, unknown {unknown}", path)
    return declared


def _check_values(table: Table, name: str, column: Column, values: pa.ChunkedArray, path: Path) -> None:
    if values.null_count and not column.optional:
        raise TableError(f"table {table.name}: column {name} has missing values", path)
    if not column.kind.startswith(("integer", "number")):
        return
    flat = values.combine_chunks()
    flat = flat.flatten() if column.kind.endswith("s") else flat
    if flat.null_count and not column.optional:
        raise TableError(f"table {table.name}: a list in column {name} has missing or NaN values", path)
    numbers = flat.drop_null().to_numpy(zero_copy_only=False)
    if column.kind.startswith("number") and not np.isfinite(numbers).all():
        raise TableError(f"table {table.name}: column {name} has NaN or infinite values", path)
    low, high = column.low, column.high
    if len(numbers) and ((low is not None and numbers.min() < low) or (high is not None and numbers.max() > high)):
        found = f"{numbers.min():g} to {numbers.max():g}"
        raise TableError(f"table {table.name}: column {name} is {found}, outside {low} to {high} {column.unit}", path)
    if len(numbers) and column.above is not None and numbers.min() <= column.above:
        raise TableError(
            f"table {table.name}: column {name} is {numbers.min():g} {column.unit} in a row, and must be above "
            f"{column.above:g}",
            path,
        )


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        arrow = read_sealed(path)
        frame: pd.DataFrame = arrow.to_pandas()
        provenance.note_read(arrow.schema.metadata)
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:  # pandas raises a dozen kinds for files that others damaged
        raise DamagedTableError(path, f"not a readable Parquet file ({error})") from None
    return frame


def _to_csv_frame(arrow: pa.Table) -> pd.DataFrame:
    """Lists as text, values separated by semicolons, and whole numbers whole beside missing ones."""
    frame: pd.DataFrame = arrow.to_pandas(integer_object_nulls=True)
    for name in arrow.schema.names:
        if pa.types.is_list(arrow.schema.field(name).type):
            frame[name] = [";".join(map(str, values)) for values in frame[name]]
    return frame
