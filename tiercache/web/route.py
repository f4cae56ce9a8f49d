"""What a route declares: its path and verb, who may use it, and what the OpenAPI document says of it.

Values only; `app` mounts them, `guard` holds their permissions, and `openapi` writes the document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Concatenate, Literal

from attrs import field, frozen
from twisted.web.server import Request

from tiercache.web.answer import Answer

Act = Callable[Concatenate[Request, ...], Awaitable[Answer]]
"""From a request, and by name the parts of the path that the route leaves open, to an answer."""

Permission = Literal["read", "prefetch", "publish", "manage", "administer", "identify", "operate"]
"""What a caller must be granted, by the names of `access.tokens.Permission`; and two that no grant gives: to `identify`
takes any credentials that are somebody's, to `operate` the control token that the node's own machine has."""


@frozen(kw_only=True)
class Parameter:
    """One that a route reads; `type` is one that msgspec knows, `about` a sentence."""

    name: str
    place: Literal["path", "query", "header"]
    type: Any
    about: str
    is_required: bool = False


@frozen
class Lines:
    """A body that is one value of a type a line, in JSON."""

    of: Any


@frozen(kw_only=True)
class Reply:
    """One answer of a route: its bodies, by media type.

    A body is a type that msgspec knows, or `Lines` of one; `bytes` and `str` are no JSON.

    `headers`: the fields that matter to a caller, each with a sentence.
    """

    about: str
    bodies: Mapping[str, Any] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Operation:
    """What a route of the JSON API promises.

    `body`: the type of the JSON that it takes, None for none; `form`: of a form that it takes as well, its parts, each
    with a sentence.  `problems`: the statuses that it answers with a problem (RFC 9457), each with a sentence, beside
    those that any route may have.
    """

    name: str
    about: str
    replies: Mapping[int, Reply]
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    form: Mapping[str, str] = field(factory=dict)
    problems: Mapping[int, str] = field(factory=dict)


@frozen(kw_only=True)
class Route:
    """`path` as Klein has it.  `permission` None: whoever comes.  `operation` None: not of the JSON API.

    `takes_strangers`: the credentials that come may be for somebody else, to whom the route hands them; who shows some
    that nobody here knows is taken for somebody who shows none.
    """

    verb: str
    path: str
    act: Act
    permission: Permission | None
    operation: Operation | None = None
    takes_strangers: bool = False
