"""The users of a node, from its configuration and the htpasswd file on its disk."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest

from tiercache.access.accounts import Account
from tiercache.access.credentials import Password
from tiercache.config import AccessConfig
from tiercache.errors import ConfigInvalid
from tiercache.web.users import MOST_BYTES, TextOnDisk, configured_accounts


def line(user: str) -> str:
    return f"{user}:{bcrypt.hashpw(b's3cret', bcrypt.gensalt(4)).decode()}\n"


def shown(user: str) -> Password:
    return Password(user=user, password="s3cret")


def test_file_on_the_disk_is_read_again_when_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"
    path.write_text(line("alice"), encoding="utf-8")
    accounts = configured_accounts(AccessConfig(htpasswd=str(path)))
    assert accounts.check(shown("alice")) == Account(user="alice")
    changed = tmp_path / "changed"
    changed.write_text(line("bob"), encoding="utf-8")
    changed.replace(path)
    assert accounts.check(shown("alice")) is None
    assert accounts.check(shown("bob")) == Account(user="bob")
    path.unlink()
    assert accounts.check(shown("bob")) == Account(user="bob")


@pytest.mark.parametrize("content", [None, b"no colon", b"\xff:\xff"])
def test_file_that_is_none_keeps_the_node_from_starting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "htpasswd"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigInvalid, match="htpasswd"):
        configured_accounts(AccessConfig(htpasswd=str(path)))


def test_file_is_read_up_to_its_limit_and_not_a_byte_further(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"
    path.write_bytes(b"\n" * MOST_BYTES)
    assert TextOnDisk(path).changed(None) is not None
    path.write_bytes(b"\n" * (MOST_BYTES + 1))
    with pytest.raises(ValueError, match="more than"):
        TextOnDisk(path).changed(None)
