"""Takes an upload form in as its bytes come (RFC 7578): its fields into memory, the file in it into the store's partial.

The parser is `multipart`'s; here are the limits, and what of its findings is whose fault.  What the fields mean is
`submission`'s affair.
"""

from __future__ import annotations

from attrs import define, field, frozen
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from tiercache.errors import FormMalformed
from tiercache.interfaces import IFiles
from tiercache.publish.arrival import Arrival


@frozen(kw_only=True)
class FormLimits:
    """What a form may have beside its file: so many parts, bytes in one field, and bytes in all of them."""

    parts: int = 1024
    field_bytes: int = 2 * 1024**2
    fields_bytes: int = 4 * 1024**2


LIMITS = FormLimits()


def boundary_of(content_type: str | None) -> str:
    """What parts a form, from its Content-Type.  Raises FormMalformed for what is no form."""
    kind, options = parse_options_header(content_type or "")
    if kind != "multipart/form-data":
        raise FormMalformed(reason="it is to be sent as multipart/form-data")
    boundary = options.get("boundary", "")
    if not 1 <= len(boundary) <= 200 or not boundary.isascii() or not boundary.isprintable():
        raise FormMalformed(reason="its Content-Type has no boundary")
    return boundary


@frozen(kw_only=True)
class TakenForm:
    """A whole form: every field with its values in the order of their coming, the file's name, and its bytes."""

    fields: tuple[tuple[str, str], ...]
    filename: str
    arrival: Arrival


@define(kw_only=True, eq=False)
class FormIntake:
    """One form on its way in; its file is in the part that is called `file_field`.

    Blocking; called in the pool, by one at a time.  Until `finish` has returned, `discard` is to be called in the end.
    """

    _files: IFiles
    _boundary: str
    _file_field: str
    _limits: FormLimits = LIMITS
    _parser: PushMultipartParser = field(init=False)
    _fields: list[tuple[str, str]] = field(factory=list, init=False)
    _fields_bytes: int = field(default=0, init=False)
    _segment: MultipartSegment | None = field(default=None, init=False)
    _text: bytearray = field(factory=bytearray, init=False)
    _filename: str = field(default="", init=False)
    _arrival: Arrival | None = field(default=None, init=False)

    @_parser.default
    def _parser_with_limits(self) -> PushMultipartParser:
        return PushMultipartParser(self._boundary, max_segment_count=self._limits.parts)

    def feed(self, data: bytes) -> None:
        """The next bytes of it.  Raises FormMalformed, StoreFull."""
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._end()
                else:
                    self._more(bytes(event))
        except MultipartError as error:
            raise FormMalformed(reason=_said(error)) from error

    def value(self, name: str) -> str | None:
        """The first value of a field, if it has come already."""
        return next((value for known, value in self._fields if known == name), None)

    def finish(self) -> TakenForm:
        """No more bytes come.  Raises FormMalformed for a form that has no end, or no file."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise FormMalformed(reason=_said(error)) from error
        if self._arrival is None:
            raise FormMalformed(reason=f"it has no file in a part named {self._file_field!r}")
        return TakenForm(fields=tuple(self._fields), filename=self._filename, arrival=self._arrival)

    def discard(self) -> None:
        """Let go of what has come."""
        if self._arrival is not None:
            self._arrival.discard()

    # -- parts ------------------------------------------------------------------------------------------------

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        if not segment.name:
            raise FormMalformed(reason="a part of it has no name")
        if segment.name != self._file_field:
            return
        if self._arrival is not None:
            raise FormMalformed(reason=f"it has two parts named {self._file_field!r}")
        if segment.filename is None:
            raise FormMalformed(reason=f"its part {self._file_field!r} has no filename")
        self._filename = segment.filename
        self._arrival = Arrival.begin(self._files)

    def _more(self, data: bytes) -> None:
        if self._is_file:
            assert self._arrival is not None
            self._arrival.write(data)
            return
        self._fields_bytes += len(data)
        if self._fields_bytes > self._limits.fields_bytes:
            raise FormMalformed(reason=f"its fields have more than {self._limits.fields_bytes} bytes")
        if len(self._text) + len(data) > self._limits.field_bytes:
            raise FormMalformed(reason=f"a field of it has more than {self._limits.field_bytes} bytes")
        self._text += data

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None or segment.name == self._file_field:
            return
        text = bytes(self._text)
        self._text.clear()
        if segment.filename is not None:
            return  # a signature, as older tools send one (`gpg_signature`): nobody asks for it any more
        try:
            self._fields.append((segment.name or "", text.decode("utf-8")))
        except UnicodeDecodeError:
            raise FormMalformed(reason=f"its field {segment.name!r} is no text") from None

    @property
    def _is_file(self) -> bool:
        return self._segment is not None and self._segment.name == self._file_field


def _said(error: MultipartError) -> str:
    """What the parser says of it, as part of a sentence."""
    text = str(error.args[0]) if error.args else "it is not understood"
    return text[:1].lower() + text[1:]
