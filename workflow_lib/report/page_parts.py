"""Helpers for HTML pages."""

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def page_environment(*folders: str) -> Environment:
    """Return the environment of a page's templates, in folders of the report; it escapes whatever they show."""
    return Environment(
        loader=ChoiceLoader([PackageLoader("workflow_lib.report", folder) for folder in folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def data_address(image: bytes, kind: str) -> str:
    """Encode an image as a data URL, so that the page loads no other file.

    Args:
        image: content of the image file.
        kind: subtype of its media type, such as "png".

    >>> data_address(b"dots", "png")
    'data:image/png;base64,ZG90cw=='
    """
    return f"data:image/{kind};base64,{b64encode(image).decode('ascii')}"


def figure_address(figure: "Figure", dpi: int = 110) -> str:
    """Return the data URL of a figure."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return data_address(buffer.getvalue(), "png")
