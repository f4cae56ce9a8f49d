"""Plain values of a file become the classes of `values`, by cattrs, with a place for everything that is wrong.

One attribute at a time is judged here.  What two of them say together is judged in `tiercache.config.checks`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from attrs import define, field, fields
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from tiercache.access.principals import network_of
from tiercache.config.addresses import Endpoint, http_url, is_host, is_loopback
from tiercache.config.keys import INNER, LISTS, SECTIONS, Key, keys_of
from tiercache.config.units import duration_s, duration_text, size_bytes, size_text
from tiercache.config.values import (
    PUBLIC_INDEX,
    AccessConfig,
    GrantConfig,
    NodeConfig,
    PrefetchConfig,
    PublishConfig,
    Secret,
    StoreConfig,
    TierConfig,
    TrustedPublisherConfig,
    UserConfig,
)
from tiercache.config.words import Surroundings
from tiercache.policy.freshness import FreshnessRules
from tiercache.policy.selection import ProjectRule
from tiercache.simple.patterns import EXCEPT

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]
Flaw = tuple[str, str]
"""A place (`tiers[1].url`) and what is wrong there."""

LONGEST_WAIT_S = 86400.0
_OFTEN_LONGER = ("keep_deleted_s", "keep_warm_every_s")
LONGEST_LIFETIME_S = 36525 * 86400.0

LEAST_BANDWIDTH_BYTES = 64 * 1024
"""A tier is not left waiting for longer than it waits for who takes nothing."""

# A name goes into Cache-Status, logs and URLs as it is.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,62}[A-Za-z0-9])?", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9._*?\[\]!-]+", re.ASCII)
_NO_SUCH_STORE = {
    "files": ("s3://", "files in an object store"),
    "catalogue": ("postgresql://", "a catalogue in PostgreSQL"),
}


def meant(word: str, words: Iterable[str | None]) -> str:
    """`; did you mean ...?` for the word that is nearest, or nothing."""
    near = get_close_matches(word, [one for one in words if one is not None], n=1)
    return f"; did you mean {near[0]}?" if near else ""


@define(kw_only=True)
class Structure:
    """Makes values of plain data: `surroundings` are what texts may refer to."""

    surroundings: Surroundings
    _converter: Converter = field(factory=lambda: Converter(detailed_validation=True), init=False)

    def __attrs_post_init__(self) -> None:
        self._converter.register_structure_hook(str, lambda value, _: self.surroundings.text(value))
        for section in (*SECTIONS.values(), *LISTS.values(), *INNER.values()):
            self._converter.register_structure_hook(section, self._section_hook(section))

    def value(self, plain: object, section: type[T], place: str) -> tuple[T | None, list[Flaw]]:
        """What `plain` makes of a class, or None and everything that is wrong with it."""
        try:
            return self._converter.structure(plain, section), []
        except (BaseValidationError, ValueError) as error:
            return None, list(_flaws(error, place))

    def _section_hook(self, section: type[Any]) -> Hook:
        keys = keys_of(section)
        words = {key.word for key in keys.values()}
        said: dict[str, Any] = {
            name: override(rename=key.word, struct_hook=self._hook(section, key)) for name, key in keys.items()
        }
        unsaid: dict[str, Any] = {
            attribute.name: override(omit=True) for attribute in fields(section) if attribute.name not in keys
        }
        structure = make_dict_structure_fn(
            section,
            self._converter,
            _cattrs_forbid_extra_keys=True,
            _cattrs_detailed_validation=True,
            **said,
            **unsaid,
        )

        def hook(plain: Any, _: Any) -> Any:
            if not isinstance(plain, Mapping):
                raise ValueError("needs keys with values")
            # A key that nothing follows is as good as none: what it held may be commented out.
            return structure(
                {word: value for word, value in plain.items() if value is not None or word not in words}, section
            )

        return hook

    def _hook(self, section: type[Any], key: Key) -> Hook:
        """What makes the value of one attribute: a rule of its own, else by its unit, else by its type."""
        name, kind = key.attribute.name, _without_none(key.attribute.type)
        own: Callable[[Any], Any] | None = {
            (NodeConfig, "name"): self._name,
            (NodeConfig, "listen"): self._endpoints,
            (NodeConfig, "public_url"): self._public_url,
            (TierConfig, "name"): self._name,
            (TierConfig, "url"): self._tier_url,
            (TierConfig, "publish_url"): self._publish_url,
            (TierConfig, "files_from"): lambda value: self._each(value, self._host),
            (PublishConfig, "directories"): lambda value: self._each(value, self._folder),
            (PrefetchConfig, "keep_warm"): lambda value: self._each(value, self._document),
            (ProjectRule, "match"): self._patterns,
            (AccessConfig, "users"): self._users,
            (AccessConfig, "htpasswd"): self._readable,
            (AccessConfig, "trusted_proxies"): lambda value: self._each(value, self._network),
            (UserConfig, "password"): self.surroundings.password,
            (UserConfig, "token"): self.surroundings.token,
            (UserConfig, "groups"): lambda value: self._each(value, self._group),
            (GrantConfig, "projects"): lambda value: self._patterns(value, exceptions=True),
            (TrustedPublisherConfig, "issuer"): self._issuer,
            (TrustedPublisherConfig, "claims"): self._claims,
            (TrustedPublisherConfig, "projects"): lambda value: self._patterns(value, exceptions=True),
        }.get((section, name))
        if own is not None:
            return lambda value, _: own(value)
        if key.unit == "s":
            is_wait = (section is not FreshnessRules or name == "patience_s") and name not in _OFTEN_LONGER
            may_be_zero = section is FreshnessRules or name in ("stop_timeout_s", "keep_deleted_s")
            longest_s = LONGEST_WAIT_S if is_wait else LONGEST_LIFETIME_S
            return lambda value, _: self._duration(value, may_be_zero=may_be_zero, longest_s=longest_s)
        if key.unit == "bytes":
            may_be_none = kind is not key.attribute.type
            least = LEAST_BANDWIDTH_BYTES if name == "bandwidth_bytes" else 1
            return lambda value, _: self._size(value, may_be_none=may_be_none, least=least)
        if kind is bool:
            return lambda value, _: _switch(value)
        if kind is int:
            return lambda value, _: _count(value)
        if kind is Secret:
            return lambda value, _: self.surroundings.secret(value)
        if get_origin(kind) is Literal:
            return lambda value, _: self._choice(
                value, get_args(kind), elsewhere=_NO_SUCH_STORE.get(name) if section is StoreConfig else None
            )
        if get_origin(kind) is tuple:
            return lambda value, _: self._list(value, get_args(kind)[0])
        if kind is str:
            return lambda value, _: self.surroundings.text(value)
        raise TypeError(f"{section.__name__}.{name}: nothing says how a {kind} stands in a file")

    # -- by unit and type ---------------------------------------------------------------------------------------

    def _duration(self, value: Any, *, may_be_zero: bool, longest_s: float) -> float:
        seconds = duration_s(self._quantity(value, "10s"))
        if not seconds and not may_be_zero:
            raise ValueError("needs to be longer than nothing")
        if seconds > longest_s:
            raise ValueError(f"is longer than {duration_text(longest_s)}")
        return seconds

    def _size(self, value: Any, *, may_be_none: bool, least: int = 1) -> int | None:
        if may_be_none and value == "none":
            return None
        size = size_bytes(self._quantity(value, "20GiB"))
        if not size:
            raise ValueError("needs to be more than nothing" + (" (`none` is no limit)" if may_be_none else ""))
        if size < least:
            raise ValueError(f"is less than {size_text(least)}")
        return size

    def _quantity(self, value: Any, example: str) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(f"{value} needs a unit, as in {example}")
        return self.surroundings.text(value)

    def _choice(self, value: Any, choices: tuple[str, ...], *, elsewhere: tuple[str, str] | None) -> str:
        word = self.surroundings.text(value)
        if elsewhere is not None and word.startswith(elsewhere[0]):
            raise ValueError(f"{elsewhere[1]} ({elsewhere[0]}...): this version does not have that yet")
        if word not in choices:
            raise ValueError(f"{word!r} is none of {', '.join(choices)}{meant(word, choices)}")
        return word

    def _list(self, value: Any, kind: Any) -> tuple[Any, ...]:
        if get_origin(kind) is Literal:
            return self._each(value, lambda one: self._choice(one, get_args(kind), elsewhere=None))
        return self._each(value, lambda one: self._converter.structure(one, kind))

    def _each(self, value: Any, judged: Callable[[Any], T]) -> tuple[T, ...]:
        """A list with each thing in it judged; everything that is wrong with any of them is raised at once."""
        if not isinstance(value, list):
            raise ValueError("needs a list, as in [one, two]")
        made: list[T] = []
        wrong: list[Exception] = []
        for index, one in enumerate(value):
            try:
                made.append(judged(one))
            except (BaseValidationError, ValueError) as error:
                error.add_note(IterableValidationNote(f"at {index}", index, None))
                wrong.append(error)
        if wrong:
            raise IterableValidationError("some are wrong", wrong, list)
        return tuple(made)

    # -- with rules of their own --------------------------------------------------------------------------------

    def _name(self, value: Any) -> str:
        name = self.surroundings.text(value)
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name: letters, digits and . _ : - within, 64 at most")
        return name

    def _endpoints(self, value: Any) -> tuple[str, ...]:
        endpoints = self._each(value, self._endpoint)
        if not endpoints:
            raise ValueError("is empty: a node listens somewhere")
        return endpoints

    def _endpoint(self, value: Any) -> str:
        endpoint = self.surroundings.text(value)
        Endpoint.parse(endpoint)
        return endpoint

    def _public_url(self, value: Any) -> str:
        url = self.surroundings.text(value)
        parts = http_url(url)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("needs to be a URL without credentials, query and fragment")
        return url if url.endswith("/") else f"{url}/"

    def _tier_url(self, value: Any) -> str:
        url = self.surroundings.text(value)
        if url == PUBLIC_INDEX:
            return url
        try:
            parts = http_url(url)
        except ValueError as error:
            raise ValueError(f"{error}, and not the word {PUBLIC_INDEX}") from None
        if parts.query or parts.fragment:
            raise ValueError("needs to be a URL without query and fragment")
        return url

    def _publish_url(self, value: Any) -> str:
        url = self.surroundings.text(value)
        parts = http_url(url)
        if "@" in parts.netloc:
            raise ValueError("has credentials in it: uploads carry those of who uploads, and no others")
        if parts.query or parts.fragment:
            raise ValueError("needs to be a URL without query and fragment")
        return url

    def _folder(self, value: Any) -> str:
        path = self.surroundings.text(value)
        if not path.startswith("/") or "\0" in path:
            raise ValueError(f"{path!r} is no absolute path of a folder")
        return path

    def _document(self, value: Any) -> str:
        """Where a document is: a file, or a URL."""
        place = self.surroundings.text(value)
        if place.startswith(("http://", "https://")):
            if "@" in http_url(place).netloc:
                raise ValueError("needs to be a URL without credentials")
        elif not place.startswith("/") or "\0" in place:
            raise ValueError(f"{place!r} is no absolute path of a file, and no http or https URL")
        return place

    def _host(self, value: Any) -> str:
        host = self.surroundings.text(value)
        if not is_host(host.removeprefix("*.")):
            raise ValueError(f"{host!r} is no host: a name, or *.name for all below it")
        return host.lower()

    def _patterns(self, value: Any, *, exceptions: bool = False) -> tuple[str, ...]:
        patterns = self._each(value, lambda one: self._pattern(one, exceptions=exceptions))
        if all(pattern.startswith(EXCEPT) for pattern in patterns):
            raise ValueError("is empty: no project would match")
        return patterns

    def _pattern(self, value: Any, *, exceptions: bool) -> str:
        pattern = self.surroundings.text(value)
        name = pattern.removeprefix(EXCEPT) if exceptions else pattern
        if not _PATTERN.fullmatch(name) or name.startswith(EXCEPT):
            raise ValueError(f"{pattern!r} is no pattern of project names, such as acme-*")
        return pattern

    def _users(self, value: Any) -> Mapping[str, UserConfig]:
        if not isinstance(value, Mapping):
            raise ValueError("needs a user's name for each key")
        return self._converter.structure(value, dict[str, UserConfig])

    def _issuer(self, value: Any) -> str:
        issuer = self.surroundings.text(value)
        parts = http_url(issuer)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("needs to be a URL without credentials, query and fragment")
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ValueError("needs to be an https URL: over http anybody on the way could say who is trusted")
        return issuer

    def _claims(self, value: Any) -> Mapping[str, str]:
        if not isinstance(value, Mapping) or not value:
            raise ValueError("needs a claim's name with what it has to say, such as repository: acme/tools")
        return self._converter.structure(value, dict[str, str])

    def _group(self, value: Any) -> str:
        group = self.surroundings.text(value)
        if not _NAME.fullmatch(group):
            raise ValueError(f"{group!r} is no name of a group: letters, digits and . _ : - within, and no @ here")
        return group

    def _network(self, value: Any) -> str:
        network = self.surroundings.text(value)
        if network_of(network) is None:
            raise ValueError(f"{network!r} is no network, such as 10.1.0.0/16, and no address")
        return network

    def _readable(self, value: Any) -> str:
        path = self.surroundings.text(value)
        self.surroundings.text_of_file(path)
        return path


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("needs to be true or false")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1_000_000:
        raise ValueError("needs to be a whole number, 1 or more")
    return value


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, UnionType):
        return kind
    (rest,) = (one for one in get_args(kind) if one is not NoneType)
    return rest


def _flaws(error: BaseException, place: str) -> Iterator[Flaw]:
    """Everything that cattrs and the hooks found wrong, each at its place in the file."""
    match error:
        case BaseValidationError():
            section = error.cl if isinstance(error, ClassValidationError) else None
            for one in error.exceptions:
                yield from _flaws(one, _inner(one, place, section))
        case ForbiddenExtraKeysError(cl=section, extra_fields=words):
            known = [key.word for key in keys_of(section).values()]
            for word in sorted(words):
                yield f"{place}.{word}", f"is no key that a node knows{meant(word, known) or _elsewhere(word)}"
        case KeyError():
            yield place, "is needed"
        case _:
            yield place, str(error)


def _inner(error: BaseException, place: str, section: type[Any] | None) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote) and section is not None:
            return f"{place}.{keys_of(section)[note.name].word}"
        if isinstance(note, IterableValidationNote):
            return f"{place}[{note.index}]" if isinstance(note.index, int) else f"{place}.{note.index}"
    return place


def _elsewhere(word: str) -> str:
    """Where a key belongs that stands in the wrong section."""
    homes = [top for top, section in SECTIONS.items() if word in {key.word for key in keys_of(section).values()}]
    if homes:
        return f"; it belongs under {homes[0]}"
    return "; it belongs at the top, under no other key" if word == "offline" else ""
