"""Which hosts a tier's pages and redirects may send this node to: the rule of `policy.admission` for one tier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen
from twisted.logger import Logger

from tiercache.policy.admission import address_is_public, file_url_admitted
from tiercache.simple.model import File, ProjectName

_log = Logger()


@frozen(kw_only=True)
class Reach:
    """`own` is the name of the tier's own host, `declared` its `files-from`: a name, or `*.suffix` for all below."""

    own: str
    declared: tuple[str, ...] = ()

    def admits_url(self, url: str) -> bool:
        """Whether a URL may be fetched, as far as its text tells."""
        return file_url_admitted(url, tier_hosts=frozenset({self.own}), declared=self.declared)

    def admits_address(self, name: str, address: str, own_addresses: frozenset[str] = frozenset()) -> bool:
        """Whether a connection to `name` may be made to this address, which is what the name resolved to just now.

        Asked for the very address that is connected to, so that a name that changes its mind gains nothing.  Where
        the tier's own name leads is the tier's own host under any other name too; the tier could as well list its
        files under its own.
        """
        return (
            address_is_public(address)
            or address in own_addresses
            or name == self.own
            or any(_declares(word, name) for word in self.declared)
        )

    def split(self, files: Iterable[File]) -> tuple[tuple[File, ...], tuple[File, ...]]:
        """The files that may be fetched, and the others; each host is judged once, since pages list thousands."""
        admitted: list[File] = []
        refused: list[File] = []
        verdicts: dict[str, bool] = {}
        for file in files:
            scheme, mark, rest = file.url.partition("://")
            host = f"{scheme}{mark}{rest.partition('/')[0]}/"
            if host not in verdicts:
                verdicts[host] = self.admits_url(host)
            (admitted if verdicts[host] else refused).append(file)
        return tuple(admitted), tuple(refused)


def warn_of_refused(refused: Sequence[File], *, tier: str, project: ProjectName) -> None:
    """Tell the operator of files that a page lists and that may not be fetched."""
    if refused:
        _log.warn(
            "{tier} lists {count} files of {project} at private addresses, and files-from does not declare them",
            tier=tier,
            count=len(refused),
            project=project,
        )


def _declares(word: str, name: str) -> bool:
    return name.endswith(word[1:].lower()) if word.startswith("*.") else name == word.lower()
