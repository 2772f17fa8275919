"""What a client asks of the worker, read as it comes: nobody waits for the rest of it."""

import array
import json
import os
import socket
import struct
from typing import Any

_STREAMS = 3
_PART_BYTES = 1 << 16
_MAX_BYTES = 64 << 20
_LENGTH = struct.Struct("!I")
_KINDS = {"stage": str, "arguments": list, "folder": str, "environment": dict, "umask": int, "limits": dict}


class Request:
    """A request that may not be whole yet.

    Attributes:
        streams: descriptors of the client's standard streams.
    """

    def __init__(self) -> None:
        self._content = bytearray()
        self.streams: list[int] = []

    def read(self, client: socket.socket) -> bool:
        """Take what a client has sent by now.

        Args:
            client: a socket that does not block.

        Returns:
            Whether the request is whole.

        Raises:
            ValueError: if the client is gone, or does not speak this protocol.
            OSError: if the connection broke.
        """
        size = array.array("i").itemsize
        try:
            part, ancillary, flags, _ = client.recvmsg(_PART_BYTES, socket.CMSG_SPACE(_STREAMS * size))
        except BlockingIOError:
            return False
        for _, _, data in ancillary:
            self.streams += array.array("i", data[: len(data) // size * size])
        self._content += part
        if not part or flags & socket.MSG_CTRUNC or len(self.streams) != _STREAMS:
            raise ValueError("it ended early, or did not send its three standard streams")
        if len(self._content) < _LENGTH.size:
            return False
        length: int = _LENGTH.unpack_from(self._content)[0]
        if length > _MAX_BYTES or len(self._content) > _LENGTH.size + length:
            raise ValueError("it sent more than it announced, or than a request can be")
        return len(self._content) == _LENGTH.size + length

    def parse(self) -> dict[str, Any]:
        """The request as values.

        Raises:
            ValueError, RecursionError: if it is none.
        """
        request = json.loads(self._content[_LENGTH.size :])
        if not isinstance(request, dict) or not all(isinstance(request.get(key), kind) for key, kind in _KINDS.items()):
            raise ValueError("it is no request")
        return request

    def close(self) -> None:
        """Close the client's streams here."""
        while self.streams:
            os.close(self.streams.pop())
