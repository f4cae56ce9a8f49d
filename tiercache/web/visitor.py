"""The visitor: who sends a request, and what they may do, as the guard found out; kept with the request.

A route asks here where one answer is about many projects, or where its path does not say which it is about.
"""

from __future__ import annotations

from attrs import define
from twisted.web.server import Request
from zope.interface import Interface, implementer

from tiercache.access.permissions import NOTHING, Permissions, Scope
from tiercache.access.principals import ANYONE, Principal
from tiercache.access.tokens import Permission
from tiercache.errors import CredentialsNeeded, PermissionMissing
from tiercache.simple.model import ProjectName


class IVisitor(Interface):
    """Who sends a request, as far as that had to be found out."""


@implementer(IVisitor)
@define
class Visitor:
    """`principal` None: nobody had to ask who they are, and they may read what anyone may."""

    permissions: Permissions
    principal: Principal | None = None

    def scope(self, permission: Permission) -> Scope:
        """The projects that they may do this with."""
        if self.principal is not None:
            return self.permissions.scope(self.principal, permission)
        return self.permissions.read_by_anyone if permission == "read" else NOTHING


def visitor_of(request: Request) -> Visitor | None:
    """Who sent a request that a guard has looked at; None for any other."""
    visitor: Visitor | None = request.getComponent(IVisitor)
    return visitor


def scope_of(request: Request, permission: Permission) -> Scope:
    """The projects that who sent a request may do this with; of a guarded route alone.

    More than what they read is known of a route only that declares more than to read.
    """
    visitor = visitor_of(request)
    return NOTHING if visitor is None else visitor.scope(permission)


def readable(request: Request) -> Scope:
    """What may be read by who sent a request, where one answer is about many projects; of a guarded route alone."""
    return scope_of(request, "read")


def may_read(request: Request, project: ProjectName) -> bool:
    """Whether who sent a request may read a project."""
    return project in readable(request)


def principal_of(request: Request) -> Principal:
    """Who sent a request, as far as it had to be found out."""
    visitor = visitor_of(request)
    return Principal() if visitor is None or visitor.principal is None else visitor.principal


def who_of(request: Request) -> str:
    """Who acts, as the audit trail has it: `alice`, `token ci of alice`, `operator`, `anyone at 192.0.2.7`."""
    visitor = visitor_of(request)
    return ANYONE if visitor is None or visitor.principal is None else str(visitor.principal)


def refusal(request: Request, permission: Permission) -> CredentialsNeeded | PermissionMissing:
    """What to raise where who sent a request may not do this: others may, for who has not said who they are."""
    principal = principal_of(request)
    if not principal.is_known:
        return CredentialsNeeded()
    return PermissionMissing(user=str(principal), permission=permission)
