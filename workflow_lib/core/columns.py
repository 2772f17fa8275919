"""Columns that several tables share."""

from workflow_lib.core.schema import Column

CHANNELS = Column("channels", "text", meaning="channel set")


BATCH = Column("batch", "integer", "chips", "training batch size", low=1)


ARCHITECTURE = Column("architecture", "text", meaning="architecture id")


RECIPE = Column("recipe", "text", meaning="training recipe; empty if the run has only one")


PRECISION = Column("precision", "text", meaning="numbers of the deployed network: fp32, fp16 or int8")


CANDIDATE_KEY = (CHANNELS, BATCH, ARCHITECTURE, RECIPE, PRECISION)
"""The columns KEYS of `core.candidate`."""


CANDIDATE = Column("candidate", "text", meaning="<channels>_b<batch>[-<recipe>]_<architecture>[_<precision>]")


FOLD = Column("fold", "integer", meaning="fold number", low=0)


CHIP = Column("chip", "integer", meaning="row of the chip array", low=0)


REGION = Column("region", "text", meaning="region")


CROSS_ENTROPY = Column("cross_entropy", "number", "nat", "mean loss on the validation chips", low=0, optional=True)


VARIANT = Column("variant", "text", meaning="how the supernet was trained")


NUMBER = Column(
    "number", "integer", meaning="replicate number of the supernet; each replicate has different seeds", low=0
)


DEVICE = Column("device", "text", meaning="target device whose latency is predicted")
