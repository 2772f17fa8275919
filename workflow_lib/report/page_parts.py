"""Small parts of an HTML page."""

from base64 import b64encode


def data_address(image: bytes, kind: str) -> str:
    """An image as an address that loads nothing.

    Args:
        image: the file's bytes.
        kind: subtype of its media type, such as "png".
    """
    return f"data:image/{kind};base64,{b64encode(image).decode('ascii')}"
