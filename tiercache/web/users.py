"""From `access:` as configured to the accounts that the guard knows: what `node.py` calls.

Reads the htpasswd file: at the start, and in the pool whenever it has changed since.
"""

from __future__ import annotations

import os
from pathlib import Path

from attrs import define
from twisted.logger import Logger

from tiercache.access.accounts import Accounts
from tiercache.access.htpasswd import Htpasswd, HtpasswdText
from tiercache.config.accounts import accounts_of
from tiercache.config.values import AccessConfig
from tiercache.errors import ConfigInvalid, Problem

MOST_BYTES = 16 * 1024 * 1024
"""Of an htpasswd file."""

log = Logger()


def configured_accounts(access: AccessConfig) -> Accounts:
    """The users of a node.  Blocking, for the start.  Raises ConfigInvalid for an htpasswd file that is none."""
    accounts = accounts_of(access)
    if access.htpasswd is None:
        return Accounts(accounts=accounts)
    path = Path(access.htpasswd).expanduser()

    def trouble(what: str) -> None:
        log.warn("{path}: {what}; the users are those of before", path=str(path), what=what)

    htpasswd = Htpasswd(read=TextOnDisk(path).changed, trouble=trouble)
    try:
        htpasswd.read()
    except (OSError, ValueError) as error:
        problem = Problem(place=f"access.htpasswd ({path})", what=f"cannot be used: {error}")
        raise ConfigInvalid(source="of who may read", problems=(problem,)) from error
    return Accounts(accounts=accounts, others=htpasswd.check, knows=htpasswd.knows)


@define
class TextOnDisk:
    """A text file that is read when it is not what it was; by its time of change, length and place on the disk."""

    _path: Path

    def changed(self, stamp: object) -> HtpasswdText | None:
        """The text, or None if it is as at this stamp.  Blocking.  Raises OSError, ValueError."""
        with self._path.open("rb") as file:
            now = os.fstat(file.fileno())
            is_now = (now.st_mtime_ns, now.st_size, now.st_ino, now.st_dev)
            if is_now == stamp:
                return None
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        return HtpasswdText(stamp=is_now, text=data.decode("utf-8"))
