"""Table files, which are checked against their schema whenever they are written or read."""

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

_SCALARS = {
    "text": pa.string(),
    "integer": pa.int64(),
    "int32": pa.int32(),
    "number": pa.float64(),
    "float16": pa.float16(),
    "flag": pa.bool_(),
}


def write(table: Table, frame: pd.DataFrame, path: Path) -> None:
    """Check a table and write it atomically; see `Table.write`.

    Args:
        table: the schema.
        frame: the rows; optional columns may be absent.
        path: file to write: CSV if the name ends in .csv, otherwise Parquet.
    """
    arrow = to_arrow(table, table.complete(frame), path)
    with atomic_path(path) as temporary:
        if is_csv(path):
            _to_csv_frame(arrow).to_csv(temporary, index=False)
        else:
            write_sealed(arrow.replace_schema_metadata(arrow.schema.metadata | provenance.stamp()), temporary)


def read(table: Table, path: Path) -> pd.DataFrame:
    """Read a file and check it against a schema; see `Table.read`."""
    frame = read_any(path)
    if is_csv(path):
        return _checked_frame(table, table.complete(_parse_cells(table, frame, path)), path)
    try:
        return _checked_frame(table, frame, path)
    except TableError as error:
        raise DamagedTableError(path, error.what) from None


def read_nonempty(table: Table, path: Path) -> pd.DataFrame:
    """Read a file that must contain rows; see `Table.read_nonempty`."""
    frame = read(table, path)
    if frame.empty:
        raise DamagedTableError(path, f"table {table.name}: no rows")
    return frame


def concatenate(table: Table, parts: Sequence[pd.DataFrame], where: Path) -> pd.DataFrame:
    """Concatenate tables of one schema; see `Table.concatenate`.

    Args:
        table: the schema.
        parts: tables of this schema.
        where: path for error messages.
    """
    return _checked_frame(table, table.complete(pd.concat(parts, ignore_index=True)), where)


def to_arrow(table: Table, frame: pd.DataFrame, path: Path) -> pa.Table:
    """Check a frame against its schema and convert it to Arrow.

    Args:
        table: the schema.
        frame: rows with all columns of the schema.
        path: file for error messages.

    Returns:
        The rows with the declared types, with units and meanings in the metadata.

    Raises:
        TableError: if the frame does not match the schema.
    """
    declared = _match_columns(table, frame, path)
    fields = [_arrow_field(_resolve_kind(column, frame[name]), name) for name, column in declared.items()]
    schema = pa.schema(fields, {TABLE_KEY: table.name})
    try:
        arrow = pa.Table.from_pandas(frame, schema=schema, preserve_index=False, safe=True)
    except (pa.ArrowException, ValueError) as error:
        raise TableError(f"table {table.name}: {error}", path) from None
    for name, column in declared.items():
        _check_values(table, name, column, arrow[name], path)
    duplicates = frame.duplicated(list(table.key)) if table.key else pd.Series(dtype=bool)
    if duplicates.any():
        values = ", ".join(f"{name} {frame[name][duplicates].iloc[0]}" for name in table.key)
        raise TableError(f"table {table.name}: two rows with {values}", path)
    return arrow


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Atomically write a CSV file that has no schema and is meant for people."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False)


def read_any(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file without a schema.

    Args:
        path: file to read; its suffix determines the format. All cells of a CSV file remain text.

    Raises:
        TableError: if the file is missing or has another suffix, or is a malformed CSV file.
        DamagedTableError: if it is a Parquet file that cannot be read, or whose checksum does not match.
    """
    try:
        if is_csv(path):
            return read_csv(path)
        if path.suffix.lower() != ".parquet":
            raise TableError("not a .csv or .parquet file", path)
        return _read_parquet(path)
    except FileNotFoundError:
        raise TableError("no such file", path) from None


def _arrow_field(column: Column, name: str) -> pa.Field:
    """Return the Arrow field of a column, with its unit and meaning in the metadata."""
    scalar = _SCALARS.get(column.kind)
    kind = scalar if scalar is not None else pa.list_(_SCALARS[column.kind.removesuffix("s")])
    return pa.field(name, kind, nullable=column.optional, metadata={"unit": column.unit, "meaning": column.meaning})


def _resolve_kind(column: Column, values: pd.Series) -> Column:
    """Replace the kind "choice" of a column with "integer" or "text", depending on its values."""
    if column.kind != "choice":
        return column
    return replace(column, kind="integer" if pd.api.types.is_integer_dtype(values) else "text")


def _parse_cells(table: Table, texts: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Convert the text cells of a CSV file to the types of a table's columns; lists are not supported."""
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
                raise TableError(
                    f"table {table.name}: column {column.name} holds {cells[wrong].iloc[0]!r}, not a number", path
                )
            typed[column.name] = numbers
    return typed


def _checked_frame(table: Table, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    checked: pd.DataFrame = to_arrow(table, frame, path).to_pandas()
    return checked


def _match_columns(table: Table, frame: pd.DataFrame, path: Path) -> dict[str, Column]:
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
        raise TableError(f"table {table.name}: missing columns {missing}, unknown columns {unknown}", path)
    return declared


def _check_values(table: Table, name: str, column: Column, values: pa.ChunkedArray, path: Path) -> None:
    if values.null_count and not column.optional:
        raise TableError(f"table {table.name}: column {name} has missing values", path)
    if not column.kind.startswith(("int", "number", "float16")):
        return
    flat = values.combine_chunks()
    flat = flat.flatten() if column.kind.endswith("s") else flat
    if flat.null_count and not column.optional:
        raise TableError(f"table {table.name}: a list in column {name} has missing or NaN values", path)
    numbers = (flat.drop_null() if flat.null_count else flat).to_numpy(zero_copy_only=False)
    if column.kind.startswith(("number", "float16")) and not np.isfinite(numbers).all():
        raise TableError(f"table {table.name}: column {name} has NaN or infinite values", path)
    low, high = column.low, column.high
    if len(numbers) and ((low is not None and numbers.min() < low) or (high is not None and numbers.max() > high)):
        found = f"{numbers.min():g} to {numbers.max():g}"
        bounds = f"{-np.inf if low is None else low:g} to {np.inf if high is None else high:g} {column.unit}"
        raise TableError(f"table {table.name}: column {name} has values {found}, outside {bounds}", path)
    if len(numbers) and column.above is not None and numbers.min() <= column.above:
        raise TableError(
            f"table {table.name}: column {name} has a value of {numbers.min():g} {column.unit}, but values must be "
            f"above {column.above:g}",
            path,
        )


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        arrow = read_sealed(path)
        frame: pd.DataFrame = arrow.to_pandas()
        provenance.record_read(arrow.schema.metadata)
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:  # pandas raises a dozen exception types for corrupted files
        raise DamagedTableError(path, f"not a readable Parquet file ({error})") from None
    return frame


def _to_csv_frame(arrow: pa.Table) -> pd.DataFrame:
    """Convert a table for CSV: lists become text separated by semicolons; integers remain integers despite gaps."""
    frame: pd.DataFrame = arrow.to_pandas(integer_object_nulls=True)
    for name in arrow.schema.names:
        if pa.types.is_list(arrow.schema.field(name).type):
            frame[name] = [";".join(map(str, values)) for values in frame[name]]
    return frame
