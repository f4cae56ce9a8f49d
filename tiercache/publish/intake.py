"""Takes an upload in as its bytes come: a form's fields into memory (RFC 7578), its file into the store's partial.

The parser is `multipart`'s; what its parts may be is said by `form`, and what they mean by `submission`.
"""

from __future__ import annotations

from attrs import define, field, frozen
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header  # type: ignore[import-untyped]  # it has annotations, and does not say so

from tiercache.errors import FormMalformed
from tiercache.interfaces import IFiles
from tiercache.publish.arrival import Arrival
from tiercache.publish.form import FORM_BYTES, MAX_PARTS, FilePart, Form, FormField, limit_of, too_long

_BOUNDARY_CHARACTERS = 200  # RFC 2046 allows 70


@frozen(kw_only=True)
class TakenForm:
    """A whole form, and the bytes of the file in it.  `parts` has fields and files in the order of their coming."""

    parts: tuple[FormField | FilePart, ...]
    arrival: Arrival

    @property
    def form(self) -> Form:
        """Its fields and files, each in their order."""
        return Form(
            fields=tuple(part for part in self.parts if isinstance(part, FormField)),
            files=tuple(part for part in self.parts if isinstance(part, FilePart)),
        )


def boundary_of(content_type: str | None) -> str:
    """What parts a form, from its Content-Type.  Raises FormMalformed for what is no form."""
    kind, options = parse_options_header(content_type or "")
    if kind != "multipart/form-data":
        raise FormMalformed(reason="it is to be sent as multipart/form-data")
    boundary = str(options.get("boundary", ""))
    if not 1 <= len(boundary) <= _BOUNDARY_CHARACTERS or not boundary.isascii() or not boundary.isprintable():
        raise FormMalformed(reason="its Content-Type has no boundary that can be used")
    return boundary


@define(kw_only=True, eq=False)
class FileIntake:
    """A file on its way in, of at most `limit_bytes`.

    Blocking; called in the pool, by one at a time, but for `discard`, which is to be called in the end whatever came of
    it, also while another call is under way.
    """

    _files: IFiles
    _limit_bytes: int
    _arrival: Arrival | None = field(default=None, init=False)
    _is_discarded: bool = field(default=False, init=False)

    def begin(self) -> Arrival:
        """What has come; begun if need be.  Raises StoreFull."""
        if self._arrival is None:
            self._arrival = Arrival.begin(self._files, self._limit_bytes)
            if self._is_discarded:  # whoever waited for this has gone meanwhile
                self._arrival.discard()
        return self._arrival

    def feed(self, data: bytes) -> None:
        """The next bytes of it.  Raises UploadTooLarge, StoreFull."""
        self.begin().write(data)

    @property
    def has_begun(self) -> bool:
        """Whether there is anything."""
        return self._arrival is not None

    def discard(self) -> None:
        """Let go of what has come; what was committed stays.  Harmless a second time."""
        self._is_discarded = True
        if self._arrival is not None:
            self._arrival.discard()


@define(kw_only=True, eq=False)
class FormIntake:
    """One form on its way in; the bytes that are kept are those of the part named `content`, which go to `file`.

    Blocking; called in the pool, by one at a time.  `file` is the caller's to discard.
    """

    _file: FileIntake
    _boundary: str
    _content: str
    _parser: PushMultipartParser = field(init=False)
    _parts: list[FormField | FilePart] = field(factory=list, init=False)
    _fields_bytes: int = field(default=0, init=False)
    _segment: MultipartSegment | None = field(default=None, init=False)
    _value: bytearray = field(factory=bytearray, init=False)

    @_parser.default
    def _parser_with_limits(self) -> PushMultipartParser:
        return PushMultipartParser(self._boundary, max_segment_count=MAX_PARTS)

    def feed(self, data: bytes) -> None:
        """The next bytes of it.  Raises UploadRefused, UploadTooLarge, StoreFull."""
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._end()
                else:
                    self._more(event)
        except MultipartError as error:
            raise FormMalformed(reason=_said(error)) from error

    @property
    def fields(self) -> tuple[FormField, ...]:
        """The fields that have come."""
        return tuple(part for part in self._parts if isinstance(part, FormField))

    def finish(self) -> TakenForm:
        """No more bytes come.  Raises FormMalformed for a form that has no end, or no file."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise FormMalformed(reason=_said(error)) from error
        if not self._file.has_begun:
            raise FormMalformed(reason=f"it has no file in a part named {self._content!r}")
        return TakenForm(parts=tuple(self._parts), arrival=self._file.begin())

    # -- parts ------------------------------------------------------------------------------------------------

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        name = segment.name or ""
        if not name:
            raise FormMalformed(reason="a part of it has no name")
        self._count(len(name.encode()))
        if segment.filename is not None:
            self._parts.append(FilePart(name=name, filename=segment.filename))
        if name != self._content:
            return
        if self._file.has_begun:
            raise FormMalformed(reason=f"it has two parts named {name!r}")
        if segment.filename is None:
            raise FormMalformed(reason=f"its part {name!r} has no filename")
        self._file.begin()

    def _more(self, data: bytes) -> None:
        segment = self._segment
        if segment is None:
            return
        if segment.name == self._content:
            self._file.feed(data)
            return
        self._count(len(data))
        if segment.filename is not None:
            return  # a signature, as older tools send one (`gpg_signature`): nobody asks for it any more
        name = str(segment.name)
        if len(self._value) + len(data) > limit_of(name):
            raise too_long(name)
        self._value += data

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None and segment.filename is None:
            self._parts.append(FormField(name=str(segment.name), value=bytes(self._value)))
            self._value.clear()

    def _count(self, size_bytes: int) -> None:
        self._fields_bytes += size_bytes
        if self._fields_bytes > FORM_BYTES:
            raise FormMalformed(reason=f"it has more than {FORM_BYTES} bytes beside its file")


def _said(error: MultipartError) -> str:
    """What the parser says of it, as part of a sentence."""
    text = str(error.args[0]) if error.args else "it is not understood"
    return text[:1].lower() + text[1:]
