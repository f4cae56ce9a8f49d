"""Sockets in memory: what the kernel's `send` and `sendfile` do, on the transports of `tests.doubles.wire`."""

from __future__ import annotations

import os

from attrs import define, field

from tests.doubles.wire import Transport


@define(kw_only=True, eq=False)
class MemoryOutlet:
    """Takes all that it is given while its client does; else as much as there is `room` for in the socket.

    `sent` are the sizes of the stretches of files, `written` those of what else went past the transport.
    """

    transport: Transport
    room: int = 0
    sent: list[int] = field(factory=list)
    written: list[int] = field(factory=list)
    is_broken: bool = False
    expects_much: bool = False

    def write(self, data: bytes | memoryview) -> int:
        return self._handed_on(data)

    def begin(self, head: bytes, body: memoryview, *, is_more_to_come: bool) -> int:
        return self._handed_on(head, body)

    def _handed_on(self, *pieces: bytes | memoryview) -> int:
        assert not self.transport.held, "it overtakes what the transport holds"
        if self.is_broken:
            return 0
        taken = 0
        for piece in pieces:
            of_this = self._taken(piece)
            taken += of_this
            if of_this < len(piece):
                break
        self.written.append(taken)
        return taken

    def _taken(self, data: bytes | memoryview) -> int:
        if not self.transport.is_taken_from:
            data = data[: self.room]
        read = _read_by_the_kernel(data)
        if not self.transport.is_taken_from:
            self.room -= len(read)
        self.transport.io.write(read)
        return len(read)

    def send(self, descriptor: int, offset: int, size_bytes: int) -> int | None:
        assert not self.transport.held, "it overtakes what the transport holds"
        if self.is_broken:
            raise BrokenPipeError
        if not self.transport.is_taken_from:
            size_bytes = min(size_bytes, self.room)
            if size_bytes == 0:
                return None
            self.room -= size_bytes
        data = os.pread(descriptor, size_bytes, offset)
        self.transport.io.write(data)
        self.sent.append(len(data))
        return len(data)

    def expect_much(self) -> None:
        self.expects_much = True

    def wait(self) -> None:
        if self.transport.is_taken_from:
            self.transport.producer.resumeProducing()


def _read_by_the_kernel(data: bytes | memoryview) -> bytes:
    """As much of it as can be read: of a file that is mapped, and was cut short, not all; who reads it is killed."""
    if isinstance(data, bytes):
        return data
    copy = os.memfd_create("socket")
    try:
        return os.pread(copy, os.write(copy, data), 0)
    except OSError:
        return b""
    finally:
        os.close(copy)


@define(eq=False)
class MemoryOutlets:
    """One a transport, the newest last; none of a system without `sendfile`, or under TLS."""

    are_there: bool = True
    made: list[MemoryOutlet] = field(factory=list)

    def of(self, transport: Transport) -> MemoryOutlet | None:
        if not self.are_there:
            return None
        for outlet in self.made:
            if outlet.transport is transport:
                return outlet
        self.made.append(MemoryOutlet(transport=transport))
        return self.made[-1]
