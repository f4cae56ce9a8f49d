"""Where bytes leave past a transport that holds none: at once, and files by `sendfile`.

Who writes to a transport has it look first whether the socket takes anything, which is asked of the kernel by three
calls and a turn of the reactor; a socket that is not full takes an answer in one.  Of Twisted this takes public names
alone: a `FileDescriptor` has a handle, tells a pull producer when it is empty, and does so again when it is told to
start writing.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import ISSLTransport

from tiercache.access.principals import address_of

READ_BYTES = 16 * 1024
"""How much is read at a time of what clients ask for."""

NEAR_BYTES = 512 * 1024
"""How much of a large file the kernel holds at once for a client on this machine.

By itself it holds as much as a far client needs, several MB: more than stays in the processor's caches on its way.
"""


class IOutlet(Protocol):
    """Takes bytes past a transport, which is to hold none."""

    def write(self, data: bytes | memoryview) -> int:
        """Hand bytes on; how many were taken.  An error is the transport's to find: it counts as none."""
        ...

    def begin(self, head: bytes, body: memoryview, *, is_more_to_come: bool) -> int:
        """As `write`, of both in one: a head, and so much of what follows it."""
        ...

    def send(self, descriptor: int, offset: int, size_bytes: int) -> int | None:
        """Hand bytes of a file on; how many were taken, 0 at the file's end.  None: none for now.  Raises OSError."""
        ...

    def receive(self) -> bytes:
        """What has come; nothing where it ended, or went wrong, which is the transport's to find."""
        ...

    def expect_much(self) -> None:
        """A large file follows."""
        ...

    def wait(self) -> None:
        """Have the pull producer of the transport called when it takes more."""
        ...


@define
class SocketOutlet:
    """The outlet of a transport that is a socket, and nothing between."""

    _transport: Any
    _expects_much: bool = field(default=False, init=False)

    def write(self, data: bytes | memoryview) -> int:
        """See `IOutlet`."""
        try:
            handle: socket.socket = self._transport.getHandle()
            return handle.send(data)
        except OSError:
            return 0

    def begin(self, head: bytes, body: memoryview, *, is_more_to_come: bool) -> int:
        """See `IOutlet`."""
        try:
            handle: socket.socket = self._transport.getHandle()
            flags = socket.MSG_MORE if is_more_to_come else 0
            return handle.sendmsg((head, body), (), flags) if body else handle.send(head, flags)
        except OSError:
            return 0

    def send(self, descriptor: int, offset: int, size_bytes: int) -> int | None:
        """See `IOutlet`."""
        try:
            return os.sendfile(self._transport.fileno(), descriptor, offset, size_bytes)
        except BlockingIOError:
            return None

    def receive(self) -> bytes:
        """See `IOutlet`."""
        try:
            handle: socket.socket = self._transport.getHandle()
            return handle.recv(READ_BYTES)
        except OSError:
            return b""

    def expect_much(self) -> None:
        """See `IOutlet`."""
        if self._expects_much:
            return
        self._expects_much = True
        address = address_of(getattr(self._transport.getPeer(), "host", None))
        if address is not None and address.is_loopback:
            with suppress(OSError):
                self._transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NEAR_BYTES)

    def wait(self) -> None:
        """See `IOutlet`."""
        self._transport.startWriting()


def outlet_of(transport: object) -> IOutlet | None:
    """The outlet below a transport; None where there is none, as with TLS, or on a system without `sendfile`."""
    is_socket = isinstance(transport, FileDescriptor) and not ISSLTransport.providedBy(transport)
    has_calls = hasattr(os, "sendfile") and hasattr(socket, "MSG_MORE")
    return SocketOutlet(transport) if is_socket and has_calls else None
