"""Where a file leaves by `sendfile`: the socket below a transport, for what the transport itself holds nothing of.

Of Twisted this takes public names alone: a `FileDescriptor` has a handle, tells a pull producer when it is empty, and
does so again when it is told to start writing.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from attrs import define
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import ISSLTransport


class IOutlet(Protocol):
    """Takes bytes of a file, past what is written to the transport."""

    def send(self, descriptor: int, offset: int, size_bytes: int) -> int | None:
        """Hand bytes on; how many were taken, 0 at the file's end.  None: it takes none for now.  Raises OSError."""
        ...

    def wait(self) -> None:
        """Have the pull producer of the transport called when it takes more."""
        ...


@define
class SocketOutlet:
    """The outlet of a transport that is a socket, and nothing between."""

    _transport: Any

    def send(self, descriptor: int, offset: int, size_bytes: int) -> int | None:
        """See `IOutlet`."""
        try:
            return os.sendfile(self._transport.fileno(), descriptor, offset, size_bytes)
        except BlockingIOError:
            return None

    def wait(self) -> None:
        """See `IOutlet`."""
        self._transport.startWriting()


def outlet_of(transport: object) -> IOutlet | None:
    """The outlet below a transport; None where there is none, as with TLS, or on a system without `sendfile`."""
    is_socket = isinstance(transport, FileDescriptor) and not ISSLTransport.providedBy(transport)
    return SocketOutlet(transport) if is_socket and hasattr(os, "sendfile") else None
