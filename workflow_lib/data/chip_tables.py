"""Tables of chips: their sources, their folds, and what was left out."""

from workflow_lib.core.columns import CHIP, FOLD, REGION
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

SAMPLES = Table(
    "samples",
    (
        REGION,
        Column(
            "sample",
            "integer",
            meaning="sample number: the labelled points in file order, then the random samples",
            low=0,
        ),
        Column("class", "text", meaning="class"),
        Column("x", "number", "m", "centre of the chip: the point, offset by up to data.clip.jitter_m"),
        Column("y", "number", "m", "centre of the chip"),
        Column("crs", "text", meaning="coordinate reference system of the region's chips"),
        Column("drawn", "flag", meaning="whether the sample was drawn at random"),
        Column("tile", "integer", meaning="number of the first folder's scene that contains it", low=0, optional=True),
        Column("reason", "text", meaning="why the sample has no chip", optional=True),
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
        Column("crs", "text", meaning="coordinate reference system; empty if the files have none"),
        Column("pixel_m", "number", "m", "pixel size on the ground", low=0, optional=True),
        Column("content", "text", meaning="digest of the pixel values: equal for copies of a picture", optional=True),
        Column(
            "scaled",
            "texts",
            meaning="bands whose values were scaled with the scale and offset of their files",
            optional=True,
        ),
    ),
    key=("chip",),
)


NOTICES = Table(
    "notices",
    (
        REGION,
        Column("what", "text", meaning="what was not used or is suspicious, in words that follow the count"),
        Column("count", "integer", meaning="number of cases", low=1),
        Column("example", "text", meaning="first case"),
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
        Column("data_type", "text", meaning="data types of the files; none for indices", optional=True),
        Column("scale", "number", meaning="scale that the files state and that was applied", optional=True),
        Column("offset", "number", "raw", "offset that the files state and that was applied", optional=True),
        Column("scene_m", "number", "m", "pixel size of the coarsest scene that chips were cut from", 0, optional=True),
        Column("quantiles", "numbers", "raw", "21 evenly spaced quantiles of valid values, 64 per chip", optional=True),
        Column("contrasts", "numbers", "raw", "the same of the chips' largest minus smallest value", optional=True),
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
            "role",
            "text",
            meaning="training, set_aside, validation, buffer (unused: too close to a chip of another role) or holdout",
        ),
    ),
    key=("chip", "fold"),
)

SAMPLES_RESULT = Result(
    "samples", SAMPLES, "sample_points/{region}.parquet", when=lambda config: config.data.clip is not None, filled=True
)
CHIPS_RESULT = Result(
    "chips",
    CHIPS,
    "import_chips/chips.parquet",
    meaning="the chips, with their class, region, location and row in the array",
)
BANDS_RESULT = Result("bands", BANDS, "import_chips/bands.parquet")
REJECTED_RESULT = Result(
    "rejected", REJECTED, "import_chips/rejected.parquet", meaning="the chips that were dropped, and why"
)
NOTICES_RESULT = Result("notices", NOTICES, "import_chips/notices.parquet")
FOLDS_RESULT = Result("folds", FOLDS, "assign_folds/folds.parquet", meaning="the role of every chip in every fold")
