"""Requests from clients to the worker, received without blocking."""

import array
import json
import os
import socket
import struct
from typing import Any

_STREAMS = 3
_CHUNK_BYTES = 1 << 16
_MAX_BYTES = 64 << 20
_LENGTH = struct.Struct("!I")
_FIELD_TYPES = {"stage": str, "arguments": list, "folder": str, "environment": dict, "umask": int, "limits": dict}


class Request:
    """A request that may still be incomplete.

    Attributes:
        streams: file descriptors of the client's standard streams.
    """

    def __init__(self) -> None:
        self._content = bytearray()
        self.streams: list[int] = []

    def read(self, client: socket.socket) -> bool:
        """Read what a client has sent so far.

        Args:
            client: a non-blocking socket.

        Returns:
            Whether the request is complete.

        Raises:
            ValueError: if the client has ended, or violates the protocol.
            OSError: if the connection broke.
        """
        size = array.array("i").itemsize
        try:
            part, ancillary, flags, _ = client.recvmsg(_CHUNK_BYTES, socket.CMSG_SPACE(_STREAMS * size))
        except BlockingIOError:
            return False
        for _, _, data in ancillary:
            self.streams += array.array("i", data[: len(data) // size * size])
        self._content += part
        if not part or flags & socket.MSG_CTRUNC or len(self.streams) != _STREAMS:
            raise ValueError("the client ended early, or did not send its three standard streams")
        if len(self._content) < _LENGTH.size:
            return False
        length: int = _LENGTH.unpack_from(self._content)[0]
        if length > _MAX_BYTES or len(self._content) > _LENGTH.size + length:
            raise ValueError("the client sent more than it announced, or more than the maximum size of a request")
        return len(self._content) == _LENGTH.size + length

    def parse(self) -> dict[str, Any]:
        """Parse the request.

        Raises:
            ValueError, RecursionError: if it is malformed.
        """
        request = json.loads(self._content[_LENGTH.size :])
        if not isinstance(request, dict) or not all(
            isinstance(request.get(key), kind) for key, kind in _FIELD_TYPES.items()
        ):
            raise ValueError("malformed request")
        return request

    def close(self) -> None:
        """Close this process's copies of the client's streams."""
        while self.streams:
            os.close(self.streams.pop())
