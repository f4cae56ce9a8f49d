"""What the guard asks of who sends a request, by the permission that a route declares."""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from tests.doubles.now import result_of
from tests.doubles.shelves import CountingPool
from tests.web.test_guard import ACCOUNTS, ALICE, BOB, NOBODY, OPERATOR, TOKEN, WRONG, basic
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Who
from tiercache.access.remembered import Remembered
from tiercache.access.throttle import OF_A_USER_AT_AN_ADDRESS, OF_AN_ADDRESS
from tiercache.access.tokens import Permission
from tiercache.errors import (
    ControlTokenNeeded,
    CredentialsNeeded,
    CredentialsWrong,
    CrossSite,
    PermissionMissing,
    TooManyFailures,
)
from tiercache.simple.names import normalise
from tiercache.simple.patterns import ProjectPatterns
from tiercache.web.answer import Answer
from tiercache.web.client import Clients
from tiercache.web.guard import Guard
from tiercache.web.logins import Logins
from tiercache.web.route import Route
from tiercache.web.visitor import refusal, scope_of, who_of

GRANTS = Permissions(
    grants=(
        Grant(who=(Who.parse("anyone"),), may=frozenset(["read"]), projects=ProjectPatterns(("*",))),
        Grant(who=(Who.parse("alice"),), may=frozenset(["publish"]), projects=ProjectPatterns(("acme-*",))),
    )
)


def request(headers: dict[str, str], method: bytes = b"POST") -> Request:
    made = Request(DummyChannel(), False)
    made.method, made.uri, made.path, made.clientproto = method, b"/", b"/", b"HTTP/1.1"
    for name, value in headers.items():
        made.requestHeaders.addRawHeader(name, value)
    return made


def guard(permissions: Permissions = GRANTS) -> Guard:
    clients = Clients()
    logins = Logins(
        accounts=ACCOUNTS,
        clients=clients,
        remembered=Remembered(key=b"key", now=lambda: 0.0),
        control_token=TOKEN,
        pool=CountingPool(),
        now=lambda: 0.0,
    )
    return Guard(permissions=permissions, logins=logins, clients=clients)


@define
class Acts:
    """A route that notes who acted."""

    by: list[str] = field(factory=list)

    async def act(self, request: Request, **parameters: str) -> Answer:
        if normalise("acme-tools") not in scope_of(request, "publish"):
            raise refusal(request, "publish")
        self.by.append(who_of(request))
        return Answer(headers={"Cache-Control": "public"})


def asked(headers: dict[str, str], **parameters: str) -> tuple[Answer, list[str]]:
    acts = Acts()
    path = "/" + "/".join(f"<{name}>" for name in parameters)
    route = Route(verb="POST", path=path, act=acts.act, permission="publish")
    return result_of(guard().answer(route, request(headers), parameters)), acts.by


def test_who_has_the_permission_acts_under_their_name_and_the_answer_is_theirs_alone() -> None:
    for headers, who in ((ALICE, "alice"), (OPERATOR, "operator")):
        for parameters in ({}, {"project": "Acme.Tools"}, {"filename": "acme_tools-1.0-py3-none-any.whl"}):
            answer, by = asked(headers, **parameters)
            assert by == [who]
            assert answer.headers["Cache-Control"] == "private"


@pytest.mark.parametrize(
    ("headers", "error"), [(NOBODY, CredentialsNeeded), (WRONG, CredentialsWrong), (BOB, PermissionMissing)]
)
def test_who_has_it_not_is_refused_before_the_route(headers: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        asked(headers)
    with pytest.raises(error):
        result_of(guard().admit(request(headers), "publish"))


@pytest.mark.parametrize("parameters", [{"project": "numpy"}, {"filename": "numpy-1.0.tar.gz"}])
def test_who_has_it_for_another_project_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(PermissionMissing, match="alice may not publish this"):
        asked(ALICE, **parameters)


def test_admission_asks_for_the_permission_for_any_project() -> None:
    admitted = request(ALICE)
    result_of(guard().admit(admitted, "publish"))
    assert normalise("acme-x") in scope_of(admitted, "publish")
    assert normalise("numpy") not in scope_of(admitted, "publish")
    assert str(refusal(admitted, "publish")) == "alice may not publish this."


def test_to_identify_takes_any_right_credentials_and_to_operate_the_control_token() -> None:
    for headers in (BOB, OPERATOR):
        result_of(guard().admit(request(headers), "identify"))
    with pytest.raises(CredentialsNeeded):
        result_of(guard().admit(request(NOBODY), "identify"))
    result_of(guard().admit(request(OPERATOR), "operate"))
    for headers in (ALICE, NOBODY):
        with pytest.raises(ControlTokenNeeded):
            result_of(guard().admit(request(headers), "operate"))


@pytest.mark.parametrize("permission", ["read", "prefetch", "publish", "manage", "administer", "identify", "operate"])
def test_nothing_is_changed_for_a_page_of_another_site(permission: Permission) -> None:
    for shown in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        foreign = request({**OPERATOR, "Host": "node.example", **shown})
        with pytest.raises(CrossSite):
            result_of(guard().admit(foreign, permission))


def local(**fields: str) -> Request:
    made = request({"Host": "localhost:8141", **fields})
    made.client = IPv4Address("TCP", "127.0.0.1", 40000)
    return made


def test_without_grants_the_own_machine_publishes_and_is_called_by_its_address() -> None:
    for permission in ("prefetch", "publish", "manage", "administer"):
        admitted = local()
        result_of(guard(Permissions()).admit(admitted, permission))  # type: ignore[arg-type]  # words of it
        assert who_of(admitted) == "anyone at 127.0.0.1"
        assert scope_of(admitted, "publish").is_all
        for refused in (request({"Host": "localhost:8141"}), local(Via="1.1 proxy"), local(Host="evil.example")):
            with pytest.raises(CredentialsNeeded):
                result_of(guard(Permissions()).admit(refused, permission))  # type: ignore[arg-type]  # words of it
        with pytest.raises(CredentialsNeeded):
            result_of(guard(GRANTS).admit(local(), permission))  # type: ignore[arg-type]  # words of it
    for permission, error in (("identify", CredentialsNeeded), ("operate", ControlTokenNeeded)):
        with pytest.raises(error):
            result_of(guard(Permissions()).admit(local(), permission))  # type: ignore[arg-type]  # words of it


def test_credentials_for_elsewhere_are_not_counted_as_wrong_and_those_of_a_user_are() -> None:
    """An upload that is handed on carries what its tier is to see: many files are no flood of log-ins."""
    guarding = guard(Permissions())
    for _ in range(2 * OF_AN_ADDRESS.most):
        handed_on = local(**basic("someone", "at the tier"))
        result_of(guarding.admit(handed_on, "publish", takes_strangers=True))
        assert who_of(handed_on) == "anyone at 127.0.0.1"
    with pytest.raises(CredentialsWrong):  # it may be shown elsewhere in vain, as any
        result_of(guarding.admit(local(**basic("someone", "at the tier")), "publish"))
    for number in range(OF_A_USER_AT_AN_ADDRESS.most):
        result_of(guarding.admit(local(**basic("alice", f"guess {number}")), "publish", takes_strangers=True))
    with pytest.raises(TooManyFailures):
        result_of(guarding.admit(local(**ALICE), "publish"))
    guessing = local(**ALICE)
    result_of(guarding.admit(guessing, "publish", takes_strangers=True))
    assert who_of(guessing) == "anyone at 127.0.0.1"  # that it was right is not to be found out
