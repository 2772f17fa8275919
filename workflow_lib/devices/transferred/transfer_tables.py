"""The table of the error of transferred predictors over the number of measured networks."""

from workflow_lib.core.columns import DEVICE
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table

TRANSFER = Table(
    "transfer",
    (
        DEVICE,
        Column("networks", "integer", meaning="number of measured networks that correct the predictions", low=1),
        Column("error_pct", "number", "%", "median absolute error on the others, median of 20 choices", low=0),
        Column("largest_error_pct", "number", "%", "largest error on the others, median of 20 choices", low=0),
        Column(
            "tau",
            "number",
            meaning="Kendall's tau-b of prediction and measurement, median",
            low=-1,
            high=1,
            optional=True,
        ),
    ),
    key=("device", "networks"),
)


def _files(config: object) -> list[str]:
    devices = config.devices.items()  # type: ignore[attr-defined]
    return [f"transfer_predictor/{name}.sizes.parquet" for name, device in devices if device.kind == "transferred"]


TRANSFER_RESULT = Result(
    "transfer",
    TRANSFER,
    _files,
    when=lambda config: bool(_files(config)),
    meaning="the error of transferred predictors over the number of measured networks",
)
