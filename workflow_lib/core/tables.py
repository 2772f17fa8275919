"""Tables between stages: declared once, checked when written and when read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from workflow_lib.core import provenance
from workflow_lib.core.csv_files import is_csv, parse_flags, read_csv
from workflow_lib.core.errors import TableError, UserError
from workflow_lib.core.files import atomic_path
from workflow_lib.core.parquet import TABLE_KEY, DamagedTableError, read_sealed, write_sealed


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: its name, or with `family=True` a regular expression that any number of columns may match.
        kind: "text", "integer", "number", "flag", or "numbers", "integers", "texts" for a list per row.
        unit: unit of the values ("" for none), also in the Parquet metadata.
        meaning: one phrase for people.
        low, high: bounds of the values, inclusive.
        above: bound of the values, exclusive.
        optional: whether a value may be missing.
        family: see `name`.
    """

    name: str
    kind: str
    unit: str = ""
    meaning: str = ""
    low: float | None = None
    high: float | None = None
    optional: bool = False
    family: bool = False
    above: float | None = None

    def arrow(self, name: str) -> pa.Field:
        """The column's type in Parquet, its unit and meaning in the metadata."""
        scalars = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "flag": pa.bool_()}
        scalar = scalars.get(self.kind)
        kind = scalar if scalar is not None else pa.list_(scalars[self.kind.removesuffix("s")])
        return pa.field(name, kind, nullable=self.optional, metadata={"unit": self.unit, "meaning": self.meaning})


@dataclass(frozen=True)
class Table:
    """The schema of one table.

    Args:
        name: the table's name, for messages and for the Parquet metadata.
        columns: its columns, in order.
        key: columns that together tell its rows apart.
    """

    name: str
    columns: Sequence[Column]
    key: Sequence[str] = field(default=())

    def write(self, frame: pd.DataFrame, path: Path) -> None:
        """Check a table and write it atomically; a path that ends in .csv gets CSV, any other Parquet.

        Raises:
            TableError: if the frame is not as declared.
        """
        arrow = self._checked(self.complete(frame), path)
        with atomic_path(path) as temporary:
            if is_csv(path):
                _to_csv_frame(arrow).to_csv(temporary, index=False)
            else:
                write_sealed(arrow.replace_schema_metadata(arrow.schema.metadata | provenance.stamp()), temporary)

    def read(self, path: Path) -> pd.DataFrame:
        """Read a Parquet file, or a CSV file without lists, and check it.

        Raises:
            TableError: if it is no such file, or not as declared. CSV files come from people: they may lack columns
                whose values may be missing.
            DamagedTableError: if it is a Parquet file that is damaged, or that is not as declared.
        """
        frame = read_any(path)
        if is_csv(path):
            return self._as_declared(self.complete(self._typed(frame, path)), path)
        try:
            return self._as_declared(frame, path)
        except TableError as error:
            raise DamagedTableError(path, error.what) from None

    def _typed(self, texts: pd.DataFrame, path: Path) -> pd.DataFrame:
        """Turn the text of a CSV file into the values of this table's columns; lists are not supported."""
        typed = texts.copy()
        for column in self.columns:
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
                    raise TableError(f"table {self.name}: column {column.name} holds {cells[wrong].iloc[0]!r}", path)
                typed[column.name] = numbers
        return typed

    def _as_declared(self, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
        checked: pd.DataFrame = self._checked(frame, path).to_pandas()
        return checked

    def read_filled(self, path: Path) -> pd.DataFrame:
        """Read a file that must have rows.

        Raises:
            TableError: if it has none, or is not as declared.
        """
        frame = self.read(path)
        if frame.empty:
            raise DamagedTableError(path, f"table {self.name}: no rows")
        return frame

    def read_all(self, paths: Sequence[Path]) -> pd.DataFrame:
        """Read many files of this schema into one table; the key must hold over all of them.

        Raises:
            TableError: if one is not as declared, or two hold the same key.
        """
        return self.concatenate([self.read_filled(path) for path in paths], paths[0].parent)

    def concatenate(self, parts: Sequence[pd.DataFrame], where: Path) -> pd.DataFrame:
        """Put tables of this schema into one; the key must hold over all of them.

        Raises:
            TableError: if two hold the same key; it names `where`.
        """
        checked: pd.DataFrame = self._checked(self.complete(pd.concat(parts, ignore_index=True)), where).to_pandas()
        return checked

    def check(self, frame: pd.DataFrame, where: Path) -> None:
        """Check a frame without writing it; columns whose values may be missing may be absent.

        Raises:
            TableError: if it is not as declared; it names `where`.
        """
        self._checked(self.complete(frame), where)

    def complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the columns that a frame lacks and whose values may be missing."""
        lacking = [column.name for column in self.columns if column.optional and column.name not in frame]
        return frame.assign(**dict.fromkeys(lacking))

    def _checked(self, frame: pd.DataFrame, path: Path) -> pa.Table:
        declared = self._declared(frame, path)
        schema = pa.schema([column.arrow(name) for name, column in declared.items()], metadata={TABLE_KEY: self.name})
        try:
            arrow = pa.Table.from_pandas(frame, schema=schema, preserve_index=False, safe=True)
        except (pa.ArrowException, ValueError) as error:
            raise TableError(f"table {self.name}: {error}", path) from None
        for name, column in declared.items():
            self._check_values(name, column, arrow[name], path)
        twice = frame.duplicated(list(self.key)) if self.key else pd.Series(dtype=bool)
        if twice.any():
            values = ", ".join(f"{name} {frame[name][twice].iloc[0]}" for name in self.key)
            raise TableError(f"table {self.name}: two rows with {values}", path)
        return arrow

    def _declared(self, frame: pd.DataFrame, path: Path) -> dict[str, Column]:
        declared: dict[str, Column] = {}
        for column in self.columns:
            if column.family:
                matching = [str(name) for name in frame.columns if re.fullmatch(column.name, str(name))]
                declared |= {name: column for name in matching if name not in declared}
            else:
                declared[column.name] = column
        missing = [name for name in declared if name not in frame.columns]
        unknown = [str(name) for name in frame.columns if name not in declared]
        if missing or unknown:
            raise TableError(f"table {self.name}: columns missing {missing}, unknown {unknown}", path)
        return declared

    def _check_values(self, name: str, column: Column, values: pa.ChunkedArray, path: Path) -> None:
        if values.null_count and not column.optional:
            raise TableError(f"table {self.name}: column {name} has missing values", path)
        if not column.kind.startswith(("integer", "number")):
            return
        flat = values.combine_chunks()
        flat = flat.flatten() if column.kind.endswith("s") else flat
        if flat.null_count and not column.optional:
            raise TableError(f"table {self.name}: a list in column {name} has missing or NaN values", path)
        numbers = flat.drop_null().to_numpy(zero_copy_only=False)
        if column.kind.startswith("number") and not np.isfinite(numbers).all():
            raise TableError(f"table {self.name}: column {name} has NaN or infinite values", path)
        low, high = column.low, column.high
        if len(numbers) and ((low is not None and numbers.min() < low) or (high is not None and numbers.max() > high)):
            found = f"{numbers.min():g} to {numbers.max():g}"
            raise TableError(
                f"table {self.name}: column {name} is {found}, outside {low} to {high} {column.unit}", path
            )
        if len(numbers) and column.above is not None and numbers.min() <= column.above:
            raise TableError(
                f"table {self.name}: column {name} is {numbers.min():g} {column.unit} in a row, and must be above "
                f"{column.above:g}",
                path,
            )


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a CSV file of no declared schema, for people, atomically."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False)


def read_any(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file of anybody's, whatever its columns.

    Args:
        path: the file; its suffix says which it is. All cells of a CSV file stay text.

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


def percent(name: str, meaning: str, kind: str = "number", optional: bool = False, family: bool = False) -> Column:
    """Declare a column of percentages, 0 to 100."""
    return Column(name, kind, "%", meaning, 0.0, 100.0, optional, family)


CHANNELS = Column("channels", "text", meaning="channel set")
BATCH = Column("batch", "integer", "chips", "training batch size", low=1)
ARCHITECTURE = Column("architecture", "text", meaning="architecture id")
CANDIDATE = Column("candidate", "text", meaning="<channels>_b<batch>_<architecture>")
FOLD = Column("fold", "integer", meaning="fold number", low=0)
CHIP = Column("chip", "integer", meaning="row of the chip array", low=0)
REGION = Column("region", "text", meaning="region")
CROSS_ENTROPY = Column("cross_entropy", "number", "nat", "mean loss on the validation chips", low=0, optional=True)
VARIANT = Column("variant", "text", meaning="how the supernet was trained")
NUMBER = Column("number", "integer", meaning="number of the supernet: each has other seeds", low=0)
DEVICE = Column("device", "text", meaning="device whose latency is predicted")

SAMPLES = Table(
    "samples",
    (
        REGION,
        Column("sample", "integer", meaning="number: the points in their file's order, then what was drawn", low=0),
        Column("class", "text", meaning="class"),
        Column("x", "number", "m", "centre of the chip: the point, moved by up to data.clip.jitter_m"),
        Column("y", "number", "m", "centre of the chip"),
        Column("crs", "text", meaning="coordinate reference system of the region's chips"),
        Column("drawn", "flag", meaning="whether it was drawn at random"),
        Column("tile", "integer", meaning="scene of the first folder that it lies in", low=0, optional=True),
        Column("reason", "text", meaning="why there is no chip of it", optional=True),
    ),
    key=("region", "sample"),
)

CHIPS = Table(
    "chips",
    (
        CHIP,
        REGION,
        Column("class", "text", meaning="class subfolder"),
        Column("file", "text", meaning="file name without folder"),
        Column("x", "number", "CRS unit", "chip centre"),
        Column("y", "number", "CRS unit", "chip centre"),
        Column("left", "number", "CRS unit", "footprint"),
        Column("bottom", "number", "CRS unit", "footprint"),
        Column("right", "number", "CRS unit", "footprint"),
        Column("top", "number", "CRS unit", "footprint"),
        Column("crs", "text", meaning="coordinate reference system; empty where the files give none"),
        Column("pixel_m", "number", "m", "side of its pixels on the ground", low=0, optional=True),
        Column("content", "text", meaning="digest of its values: equal for copies of a picture", optional=True),
        Column("scaled", "texts", meaning="bands whose values were scaled as their files say", optional=True),
    ),
    key=("chip",),
)

NOTICES = Table(
    "notices",
    (
        REGION,
        Column("what", "text", meaning="what was left aside or is odd, in words that follow the count"),
        Column("count", "integer", meaning="how many", low=1),
        Column("example", "text", meaning="the first of them"),
    ),
    key=("region", "what"),
)

BANDS = Table(
    "bands",
    (
        REGION,
        Column("band", "text", meaning="band or index"),
        Column("minimum", "number", "raw", "smallest valid value", optional=True),
        Column("mean", "number", "raw", "mean of the valid values", optional=True),
        Column("maximum", "number", "raw", "largest valid value", optional=True),
        percent("nodata_pct", "share of nodata pixels"),
        Column("chips_with_nodata", "integer", "chips", "chips with any nodata pixel", low=0),
    ),
    key=("region", "band"),
)

REJECTED = Table(
    "rejected",
    (
        REGION,
        Column("file", "text", meaning="path of the chip"),
        Column("reason", "text", meaning="why it was dropped"),
    ),
)

FOLDS = Table(
    "folds",
    (
        CHIP,
        FOLD,
        Column(
            "role", "text", meaning="training, validation, buffer (dropped: too near to a validation chip) or holdout"
        ),
    ),
    key=("chip", "fold"),
)

SCORES = (
    percent("accuracy_pct", "correct among the validation chips"),
    percent("f1_pct", "F1 score, mean over classes"),
    Column("auc", "number", meaning="area under the ROC curve, mean over classes", low=0, high=1, optional=True),
    CROSS_ENTROPY,
    percent(
        "recall_pct",
        kind="numbers",
        meaning="recall per class, in the config's order; missing where a class has no chip",
        optional=True,
    ),
    Column("regions", "texts", meaning="regions of the validation chips"),
    percent("region_accuracy_pct", kind="numbers", meaning="accuracy per region, in the order of `regions`"),
    Column("region_chips", "integers", "chips", "validation chips per region", low=0),
)

TRAINED = (
    *SCORES,
    Column("loss", "numbers", "nat", "mean training loss per epoch", low=0),
    Column("training_chips", "integer", "chips", "chips trained on", low=1),
    Column("validation_chips", "integer", "chips", "chips validated on", low=1),
    Column("training_s", "number", "s", "wall time of the training loop; of folds together each has its share", low=0),
    Column("utilization_pct", "number", "%", "FLOP/s of the training, of what a large matrix product reaches", low=0),
    Column("peak_memory_bytes", "integer", "B", "peak memory of its job (CUDA: peak allocated)", low=0),
    Column("compute_device", "text", meaning="cpu, or the GPU's name"),
    Column("precision", "text", meaning="float32 or bf16"),
    Column("threads", "integer", meaning="CPU threads", low=1),
    Column("versions", "text", meaning="versions of Python, torch and NumPy"),
)

FOLD_SCORES = Table(
    "fold_scores", (CHANNELS, BATCH, ARCHITECTURE, FOLD, *TRAINED), key=("channels", "batch", "architecture", "fold")
)

HOLDOUT_SCORES = Table("holdout_scores", (CANDIDATE, *TRAINED), key=("candidate",))

FOREST_SCORES = Table("forest_scores", (CHANNELS, FOLD, *SCORES), key=("channels", "fold"))

NETWORKS = Table(
    "networks",
    (
        CHANNELS,
        ARCHITECTURE,
        Column("memory_bytes", "integer", "B", "the deployed ONNX file", low=1),
        Column(
            "paper_memory_bytes",
            "integer",
            "B",
            "the ONNX file of the untrained network (CROSS's memory column)",
            low=1,
        ),
        Column("weights_bytes", "integer", "B", "parameters x 4", low=1),
        Column("parameters", "integer", meaning="trainable parameters", low=1),
        Column("multiply_adds", "integer", meaning="multiply-adds per chip", low=1),
        Column("activation_bytes", "integer", "B", "outputs of all layers, one chip, float32", low=1),
    ),
    key=("channels", "architecture"),
)

KERNELS = Table(
    "kernels",
    (
        Column("kernel", "integer", meaning="position in the network", low=0),
        Column("type", "text", meaning="nn-Meter's kernel name"),
        Column("features", "numbers", meaning="nn-Meter's features of the kernel, in its order"),
        Column("input_hw", "number", "pixels", "input height and width", low=1),
        Column("output_hw", "number", "pixels", "output height and width", low=1),
        Column("in_channels", "integer", meaning="input channels", low=0),
        Column("out_channels", "integer", meaning="output channels", low=0),
        Column("kernel_size", "number", "pixels", "kernel height and width", low=0),
        Column("stride", "number", "pixels", "stride", low=0),
        Column("multiply_adds", "number", meaning="multiply-adds per chip", low=0),
        Column("inexpressible", "texts", meaning="what the features do not say, such as groups 4", optional=True),
    ),
    key=("kernel",),
)

LATENCIES = Table(
    "latencies",
    (
        CHANNELS,
        ARCHITECTURE,
        DEVICE,
        Column("predictor", "text", meaning="kind of predictor"),
        Column("latency_ms", "number", "ms", "latency of one chip", low=0, above=0, optional=True),
        Column("energy_mj", "number", "mJ", "energy of one chip, in place of a latency", low=0, above=0, optional=True),
        Column("latency_run_std_ms", "number", "ms", "standard deviation over measurements", low=0, optional=True),
        Column("runs", "integer", meaning="runs that were measured", low=1, optional=True),
        Column(
            "predictor_error_pct",
            "number",
            "%",
            "median absolute error of the predictor on networks it was not fitted to, if known",
            low=0,
            optional=True,
        ),
        Column(
            "kernels", "integer", meaning="kernels in the network; missing where it was measured", low=1, optional=True
        ),
        Column("covered_kernels", "integer", meaning="kernels that have a price", low=0, optional=True),
        Column("filled_kernels", "integer", meaning="kernels priced by the calibrated model", low=0, optional=True),
        percent("covered_multiply_adds_pct", "multiply-adds in kernels that have a price", optional=True),
    ),
    key=("channels", "architecture", "device"),
)

COVERAGE = Table(
    "coverage",
    (
        DEVICE,
        Column("type", "text", meaning="nn-Meter's name of a kernel that the predictor has no price for"),
        Column("reason", "text", meaning="why: no forest, or what its features cannot express"),
        Column("kernels", "integer", meaning="such kernels in all networks", low=1),
        Column("networks", "integer", meaning="networks that have one", low=1),
    ),
    key=("device", "type", "reason"),
)

MEASUREMENTS = Table(
    "measurements",
    (
        Column("model", "text", meaning="a kernel's name, <channels>_<architecture> of a network, or empty"),
        Column("latency_ms", "number", "ms", "the fastest round's median", low=0, above=0),
        Column("latency_run_std_ms", "number", "ms", "standard deviation over rounds", low=0, optional=True),
        Column("runs", "integer", meaning="runs in all rounds", low=1, optional=True),
        Column("file", "text", meaning="of a manifest that was filled in; not used", optional=True, family=True),
    ),
    key=("model",),
)

VALIDATION = Table(
    "validation",
    (
        DEVICE,
        Column("network", "text", meaning="<channels>_<architecture>"),
        Column("use", "text", meaning="calibration (the predictor was fitted to it) or validation"),
        Column("latency_ms", "number", "ms", "measured", low=0, above=0),
        Column("predicted_ms", "number", "ms", "predicted", low=0),
    ),
    key=("device", "network"),
)

PRECISIONS = Table(
    "precisions",
    (
        CANDIDATE,
        Column("precision", "text", meaning="fp32, fp16 or int8"),
        percent("accuracy_pct", "mean over folds, by ONNX Runtime"),
        Column("accuracy_error_pct", "number", "%", "its standard error", low=0, optional=True),
        Column("loss_pct", "number", "%", "points less than fp32, mean over folds"),
        Column("loss_error_pct", "number", "%", "its standard error", low=0, optional=True),
        Column("lossy", "flag", meaning="whether it loses more than precisions.most_loss_pct"),
        Column("memory_bytes", "integer", "B", "the ONNX file", low=1),
        Column("latency_ms", "number", "ms", "of one chip on the machine where this ran, one thread", low=0, above=0),
        Column("latency_run_std_ms", "number", "ms", "standard deviation over rounds", low=0, optional=True),
    ),
    key=("candidate", "precision"),
)

AREA = Column("area", "text", meaning="area of the map")

DETECTIONS = Table(
    "detections",
    (
        AREA,
        Column("class", "text", meaning="class"),
        Column("x", "number", "m", "place"),
        Column("y", "number", "m", "place"),
        Column("probability", "number", meaning="of its class; missing if not found", low=0, high=1, optional=True),
        Column(
            "outcome", "text",
            meaning="hit, false alarm, missed, uncovered (a true place where the map has no probability) or unknown",
        ),
    ),
)  # fmt: skip

MAP_SCORES = Table(
    "map_scores",
    (
        AREA,
        Column("threshold", "number", meaning="least probability of a place that is found", low=0, high=1),
        Column("found", "integer", meaning="places found", low=0),
        Column("hits", "integer", meaning="of them near a true one that no more probable place is near to", low=0),
        Column("true_places", "integer", meaning="true places that the map covers", low=0),
        Column("uncovered", "integer", meaning="true places that it does not, which count as neither", low=0),
        *(
            percent(f"{score}{end}_pct", f"{meaning}{limit}", optional=True)
            for score, meaning in {"precision": "hits of what was found", "recall": "hits of true places"}.items()
            for end, limit in {"": "", "_low": ", lower end of the 95 % interval", "_high": ", upper end"}.items()
        ),
        percent("f1_pct", "harmonic mean of the two", optional=True),
    ),
    key=("area", "threshold"),
)

CANDIDATES = Table(
    "candidates",
    (
        CANDIDATE,
        CHANNELS,
        BATCH,
        ARCHITECTURE,
        Column("baseline", "flag", meaning="the plain network outside the space"),
        Column("folds", "integer", meaning="folds trained", low=1),
        Column("validation_share", "number", meaning="validation chips per training chip; 0 of one split", low=0),
        percent("accuracy_pct", "mean accuracy over folds"),
        Column("accuracy_fold_std_pct", "number", "%", "standard deviation over folds (n - 1)", low=0, optional=True),
        Column(
            "accuracy_error_pct",
            "number",
            "%",
            "standard error of the mean accuracy, corrected for the overlap of training sets",
            low=0,
            optional=True,
        ),
        percent("accuracy_low_pct", "lower end of the 95 % interval", optional=True),
        percent("accuracy_high_pct", "upper end of the 95 % interval", optional=True),
        percent("fold_accuracy_pct", kind="numbers", meaning="accuracy of each fold, in fold order"),
        percent("f1_pct", "mean F1 over folds"),
        Column("auc", "number", meaning="mean AUC over folds", low=0, high=1, optional=True),
        percent(r"recall_.+_pct", "mean recall of a class over folds", optional=True, family=True),
        percent(r"region_.+_accuracy_pct", "accuracy in a region, over all folds", optional=True, family=True),
        Column("training_s", "number", "s", "wall time of training, mean over folds", low=0),
        Column("search_s", "number", "s", "of PROPOSALS, for all the same; absent of grids", low=0, family=True),
        Column("latency_mean_ms", "number", "ms", "mean over devices", low=0),
        Column("latency_device_std_ms", "number", "ms", "standard deviation over devices (population)", low=0),
        Column("latency_worst_ms", "number", "ms", "slowest device", low=0),
        *NETWORKS.columns[2:],
        Column(r"latency_.+_ms", "number", "ms", "latency on a device", low=0, family=True),
        Column(r"energy_.+_mj", "number", "mJ", "energy on a device; energy_mean_mj over devices", low=0, family=True),
    ),
    key=("candidate",),
)

UTILIZATIONS = Table(
    "utilizations",
    (
        CHANNELS,
        ARCHITECTURE,
        Column("batch_images", "integer", "images", "the largest batch that fits", low=1),
        Column("images_per_s", "number", "images/s", "throughput at that batch", low=0),
        Column("flops_per_image", "number", "FLOP", "two per multiply-add", low=0),
        Column("utilization_pct", "number", "%", "throughput x FLOPs, of the peak", low=0),
        Column("intensity", "number", "FLOP/B", "arithmetic intensity at that batch", low=0),
        Column("memory_bound_pct", "number", "%", "FLOPs in layers that are bound by memory", low=0, high=100),
        Column("peak_flops_per_s", "number", "FLOP/s", "what a large matrix product reaches", low=0),
        Column("bandwidth_bytes_per_s", "number", "B/s", "what a large copy reads and writes", low=0),
        Column("compute_device", "text", meaning="cpu, or the GPU's name"),
        Column("precision", "text", meaning="float32 or bf16"),
        Column("threads", "integer", meaning="CPU threads", low=1),
    ),
    key=("channels", "architecture"),
)

LAYERS = Table(
    "layers",
    (
        CHANNELS,
        ARCHITECTURE,
        Column("layer", "text", meaning="module"),
        Column("kind", "text", meaning="conv or linear"),
        Column("flops", "integer", "FLOP", "of the batch", low=0),
        Column("input_bytes", "integer", "B", "read", low=0),
        Column("weight_bytes", "integer", "B", "read", low=0),
        Column("output_bytes", "integer", "B", "written", low=0),
        Column("intensity", "number", "FLOP/B", "FLOPs per byte read or written", low=0),
        Column("memory_bound", "flag", meaning="its intensity is below the device's ratio of peak to bandwidth"),
    ),
    key=("channels", "architecture", "layer"),
)

EFFICIENCY = Table(
    "efficiency",
    (
        Column("model", "text", meaning="name of the model"),
        percent("efficiency_pct", "share of its inputs that a mix of others needs for its outputs"),
        Column("efficiency_rank", "integer", meaning="1 for the highest; efficient ones by super-efficiency", low=1),
        Column("strong", "flag", meaning="efficient without slack: no model or mix is better in anything"),
        Column(
            "super_efficiency_pct",
            "number",
            "%",
            "efficiency against the others alone; missing where no mix of them gives as much",
            low=0,
            optional=True,
        ),
        percent("constant_returns_pct", "efficiency with constant returns to scale"),
        percent("training_efficiency_pct", "efficiency with the costs of training among the inputs", optional=True),
        Column("training_rank", "integer", meaning="rank by it", low=1, optional=True),
        percent("median_pct", "median efficiency over the samples"),
        percent("low_pct", "5 % quantile over the samples"),
        percent("high_pct", "95 % quantile over the samples"),
        percent("cut_pct", "largest share of one of its distributions that lies outside the values that exist"),
        Column("references", "texts", meaning="models in the mix that it is measured against"),
        Column("weights", "numbers", meaning="share of each in the mix", low=0),
        Column(r"own_.+", "number", "the column's", "the model's own value", family=True),
        Column(r"target_.+", "number", "the column's", "what the mix has", family=True),
        Column(r"slack_.+", "number", "the column's", "what the mix is better by, beside the score", family=True),
    ),
    key=("model",),
)

EFFICIENCY_SAMPLES = Table(
    "efficiency_samples",
    (
        Column("model", "text", meaning="name of the model"),
        Column("efficiencies_pct", "numbers", "%", "efficiency in each sample", low=0, high=100),
    ),
    key=("model",),
)

DOMINANCE = Table(
    "dominance",
    (
        Column("larger", "text", meaning="the model whose efficiency is stochastically larger"),
        Column("smaller", "text", meaning="the one whose is smaller; what follows from other rows is left out"),
    ),
    key=("larger", "smaller"),
)

PROPOSALS = Table(
    "proposals",
    (
        CHANNELS,
        BATCH,
        ARCHITECTURE,
        Column("round", "integer", meaning="round in which the search proposed it", low=0),
        Column("search_s", "number", "s", "of one core, that searches before any training took, in all", low=0),
    ),
    key=("channels", "batch", "architecture"),
)

RANKING = Table(
    "ranking",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        ARCHITECTURE,
        Column("ranking", "integer", meaning="the last one that it took part in; later ones come first", low=0),
        Column(
            "score",
            "number",
            meaning="high where the Pareto rank of error and cost is low; missing if it was pruned unseen",
            optional=True,
        ),
        percent("accuracy_pct", "by the shared weights, when it was last judged; missing if never", optional=True),
        CROSS_ENTROPY,
        Column("cost", "number", meaning="what it is ranked by beside error: a column of the candidates table", low=0),
        Column("network_steps", "integer", meaning="of networks that trained the supernet, in all", low=0),
        Column("seconds", "number", "s", "that training and ranking took, in all", low=0),
    ),
    key=("channels", "variant", "number", "architecture"),
)

RANKING_QUALITY = Table(
    "ranking_quality",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        Column("tau_b", "number", meaning="Kendall's, of its scores and the true Pareto ranks", low=-1, high=1),
        Column(
            "error_tau_b",
            "number",
            meaning="Kendall's, of accuracy (or cross-entropy) by shared weights and by own ones",
            low=-1,
            high=1,
            optional=True,
        ),
        Column(
            "top_tau_b",
            "number",
            meaning="as tau_b, of the truly best ranks: at least two, five networks, a tenth; missing if all are one",
            low=-1,
            high=1,
            optional=True,
        ),
        percent("top5_pct", "of the five networks that it scores highest, how many are of the five lowest ranks"),
        percent("hypervolume_pct", "of the true front's, by those five"),
        percent("recall_pct", "of the true front, by those five"),
        Column("network_steps", "integer", meaning="of networks that trained the supernet", low=0),
        Column("hours", "number", "h", "of one core, that training and ranking took", low=0),
    ),
    key=("channels", "variant", "number"),
)

RANKS = Table(
    "ranks",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        ARCHITECTURE,
        Column("true_rank", "integer", meaning="Pareto rank of the networks that were trained alone, from 0", low=0),
        Column("estimated_place", "integer", meaning="where the supernet puts it, from 0", low=0),
    ),
    key=("channels", "variant", "number", "architecture"),
)

DIFFICULTY = Table(
    "difficulty",
    (
        CHANNELS,
        Column("networks", "integer", meaning="that were trained alone", low=1),
        Column("seeds", "integer", meaning="trainings of each", low=2),
        Column("measure", "text", meaning="what they are ranked by, beside latency"),
        Column("network_std", "number", "the measure's", "standard deviation between networks' means", low=0),
        Column("seed_std", "number", "the measure's", "standard deviation between seeds of a network, pooled", low=0),
        Column(
            "ceiling_tau_b",
            "number",
            meaning="Kendall's, of Pareto ranks by two disjoint halves of the seeds, mean over the ways to halve",
            low=-1,
            high=1,
        ),
        Column(
            "strict_tau_b",
            "number",
            meaning="Kendall's, the most that an order without ties can reach, such as that of scores",
            low=-1,
            high=1,
        ),
        Column("hours", "number", "h", "of one core, that their trainings took", low=0),
    ),
    key=("channels",),
)

ALPHA = Table(
    "alpha",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        Column("ranking", "integer", meaning="the first is 0; between two, values are pruned", low=0),
        Column("epoch", "integer", meaning="its epoch, from 1", low=1),
        Column("choice", "text", meaning="dimension of the search space"),
        Column("value", "text", meaning="one of its values"),
        Column("alpha", "number", meaning="its architecture parameter"),
    ),
    key=("channels", "variant", "number", "ranking", "epoch", "choice", "value"),
)

QUANTITY = Column("quantity", "text", meaning="what is bounded, such as parameters")

SEARCH = (
    CHANNELS,
    QUANTITY,
    Column("target", "text", meaning="bound: for the look-up graph; budget: for a budget"),
    Column("number", "integer", meaning="of the bound, or of the budget", low=0),
    Column("repeat", "integer", meaning="which of several searches from other seeds", low=0),
    Column("epoch", "integer", meaning="its epoch, from 1", low=1),
)

CELL_SEARCH = Table(
    "cell_search",
    (
        *SEARCH,
        Column("bound", "number", meaning="that the multiplier holds the expected cost to", low=0),
        Column("cost", "number", meaning="expected cost: of networks whose edges draw their operations", low=0),
        Column("multiplier", "number", meaning="lambda, at the end of the epoch", low=0),
        Column("weight_loss", "number", meaning="mean loss of the steps of the weights", low=0),
        Column("alpha_loss", "number", meaning="mean loss of the steps of alpha, on other chips", low=0),
        Column("skips", "integer", meaning="edges whose most probable operation is a skip connection", low=0),
        Column("seconds", "number", "s", "of the epoch", low=0),
    ),
    key=("channels", "quantity", "target", "number", "repeat", "epoch"),
)

CELL_ALPHA = Table(
    "cell_alpha",
    (
        *SEARCH,
        Column("edge", "text", meaning="from and to, by node"),
        Column("operation", "text", meaning="one of the space's"),
        Column("probability", "number", meaning="softmax of alpha", low=0, high=1),
    ),
    key=("channels", "quantity", "target", "number", "repeat", "epoch", "edge", "operation"),
)

CELL_COSTS = Table(
    "cell_costs",
    (
        CHANNELS,
        QUANTITY,
        Column("skeleton", "text", meaning="whether networks are those searched or those trained"),
        Column("part", "text", meaning="an edge, from and to by node; fixed: all that is not searched; sums: each sum"),
        Column("operation", "text", meaning="on the edge", optional=True),
        Column("cost", "number", meaning="in all cells of the network together"),
    ),
    key=("channels", "quantity", "skeleton", "part", "operation"),
)

LOOKUP_GRAPH = Table(
    "lookup_graph",
    (
        CHANNELS,
        QUANTITY,
        Column("bound", "number", meaning="of a search", low=0),
        Column("size", "number", meaning="cost of the network that comes of it", low=0),
        Column("falls", "flag", meaning="it is smaller than that of a lower bound"),
    ),
    key=("channels", "quantity", "bound"),
)

DERIVED = Table(
    "derived",
    (
        CHANNELS,
        QUANTITY,
        Column("budget", "number", meaning="largest cost of the network", low=0),
        Column("origin", "text", meaning="search, or random: drawn within the budget"),
        Column("repeat", "integer", meaning="which of several, from other seeds", low=0),
        Column("bound", "number", meaning="of the search, from the look-up graph", low=0, optional=True),
        ARCHITECTURE,
        Column("cost", "number", meaning="of the network, all included", low=0),
        Column(
            "plain_architecture",
            "text",
            meaning="of the most probable operation on each edge, whatever it costs",
            optional=True,
        ),
        Column("plain_cost", "number", meaning="of that", low=0, optional=True),
        Column(
            "epochs", "integer", meaning="that its search took, before it collapsed or in all", low=1, optional=True
        ),
        Column("edges", "integer", meaning="edges of the network's cells", low=1),
        Column("skips", "integer", meaning="skip connections among them", low=0),
    ),
    key=("channels", "quantity", "budget", "origin", "repeat"),
)

BATTERY = Table(
    "battery",
    (
        CHANNELS,
        Column("policy", "text", meaning="accurate, frugal: one network alone; adequate: switching"),
        Column("step", "integer", meaning="the first is 0; between two, the network is switched", low=0),
        Column("candidate", "text", meaning="channels, batch and architecture"),
        ARCHITECTURE,
        Column("begin_h", "number", "h", "from a full battery on", low=0),
        Column("end_h", "number", "h", "from a full battery on", low=0),
        percent("begin_pct", "charge at the beginning"),
        percent("end_pct", "charge at the end"),
        Column("inferences", "integer", meaning="in the step", low=0),
        percent("accuracy_pct", "of the network"),
        Column("energy_mj", "number", "mJ", "of one inference", low=0),
    ),
    key=("channels", "policy", "step"),
)

PACKED = Table(
    "packed",
    (
        CHANNELS,
        ARCHITECTURE,
        percent("accuracy_pct", "by the shared weights"),
        Column("cross_entropy", "number", meaning="by the shared weights", low=0),
        Column("own_bytes", "integer", "B", "of its tensors, if it were alone", low=1),
        Column("shared_bytes", "integer", "B", "of all networks' tensors in one file", low=1),
    ),
    key=("channels", "architecture"),
)

COMPARISON = Table(
    "comparison",
    (
        Column("strategy", "text", meaning="search strategy"),
        Column("seed", "integer", meaning="number of the search, of those that draw", low=0),
        Column("trained", "integer", "networks", "how many it has trained with this one", low=1),
        CANDIDATE,
        Column("training_hours", "number", "h", "what training these took, all folds", low=0),
        percent("recall_pct", "points of the true front among them"),
        percent("hypervolume_pct", "their hypervolume, of the true front's"),
    ),
    key=("strategy", "seed", "trained"),
)

RUNS = Table(
    "runs",
    (
        Column("run", "text", meaning="name of a run"),
        Column("candidates", "integer", meaning="that it trained", low=1),
        Column("trainings", "integer", meaning="of candidates on folds", low=1),
        Column("training_hours", "number", "h", "of one core, that these took", low=0),
        Column("search_hours", "number", "h", "of one core, that searches of cells and supernets took before", low=0),
        percent("accuracy_pct", "of its most accurate candidate"),
        percent("recall_pct", "points of the front of all runs that are its own"),
        percent("hypervolume_pct", "its hypervolume, of that of all runs"),
    ),
    key=("run",),
)

RACE = Table(
    "race",
    (
        CHANNELS,
        BATCH,
        ARCHITECTURE,
        Column("after_folds", "integer", "folds", "folds it was trained on before it was stopped", low=1),
        percent("accuracy_pct", "its mean accuracy over these folds"),
        Column("dominated_by", "text", meaning="a candidate that costs no more and is more accurate"),
        percent("rival_accuracy_pct", "that candidate's mean accuracy over the same folds"),
        percent("lead_pct", "lower bound of the difference of their accuracies, percentage points"),
    ),
    key=("channels", "batch", "architecture"),
)

RAW_CONFIGURATIONS = Table(
    "raw_configurations",
    (
        Column("configuration", "integer", meaning="position among CROSS's raw configurations", low=0),
        Column("kernel_size", "integer", "pixels"),
        Column("stride", "integer", "pixels"),
        Column("padding", "integer", "pixels"),
        Column("pool_choice", "integer", meaning="0: max-pooling, 1: none"),
        Column("kernel_size_pool", "integer", "pixels"),
        Column("stride_pool", "integer", "pixels"),
        Column("initial_output_feature", "integer", "channels"),
        ARCHITECTURE,
    ),
    key=("configuration",),
)

FRONT = Table(
    "front",
    (
        *CANDIDATES.columns,
        Column("rank", "integer", meaning="Pareto rank; 0 is the front, missing for baselines", low=0, optional=True),
        Column("on_front", "flag", meaning="no candidate is at least as good in all objectives and better in one"),
        Column(
            "on_epsilon_front",
            "flag",
            meaning="still on the front when differences within the tolerances count as none",
        ),
        percent("hypervolume_pct", "share of the front's hypervolume that would be lost without it"),
        Column(
            "front_frequency", "number", meaning="share of fold resamples in which it is on the front", low=0, high=1
        ),
        Column("recommended", "flag", meaning="the one the report recommends"),
    ),
    key=("candidate",),
)
