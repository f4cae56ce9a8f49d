"""Whose credentials these are, by the configuration and by an htpasswd file."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from hashlib import sha1

import bcrypt
import pytest
from argon2 import PasswordHasher
from attrs import define, field

from tiercache.access.accounts import Account, Accounts
from tiercache.access.credentials import Credentials, Password, Token, Unreadable
from tiercache.access.htpasswd import MOST_USERS, Htpasswd, HtpasswdText
from tiercache.access.remembered import LASTS_S, MOST, Remembered

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # no more than a test needs

ALICE = Account(user="alice", groups=frozenset({"release"}), password_hash=QUICK.hash("s3cret"), token="alices-token")
BOB = Account(user="bob", password="pl4in", token="bobs-token")
CI = Account(user="ci", token="cis-token")
ACCOUNTS = {account.user: account for account in (ALICE, BOB, CI)}


def shown(user: str, password: str) -> Password:
    return Password(user=user, password=password)


@pytest.mark.parametrize(
    ("credentials", "account"),
    [
        (Token(token="alices-token"), ALICE),
        (Token(token="cis-token"), CI),
        (shown("bob", "bobs-token"), BOB),
        (shown("alice", "bobs-token"), None),
        (Token(token="cis-token "), None),
        (Token(token="s3cret"), None),
        (Token(token=""), None),
        (Unreadable(), None),
    ],
)
def test_token_is_its_owners(credentials: Credentials, account: Account | None) -> None:
    assert Accounts(accounts=ACCOUNTS).by_token(credentials) == account


def test_empty_token_of_an_account_is_nobodys() -> None:
    assert Accounts(accounts={"x": Account(user="x", token="")}).by_token(Token(token="")) is None


@pytest.mark.parametrize(
    ("password", "account"),
    [
        (shown("alice", "s3cret"), ALICE),
        (shown("alice", "S3cret"), None),
        (shown("alice", ALICE.password_hash or ""), None),
        (shown("bob", "pl4in"), BOB),
        (shown("bob", "pl4in "), None),
        (shown("ci", ""), None),
        (shown("ci", "x"), None),
        (shown("mallory", "s3cret"), None),
        (shown("", ""), None),
    ],
)
def test_password_is_its_users(password: Password, account: Account | None) -> None:
    assert Accounts(accounts=ACCOUNTS).check(password) == account


def test_hash_that_is_none_lets_nobody_in() -> None:
    broken = {"x": Account(user="x", password_hash="$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA")}
    assert Accounts(accounts=broken).check(shown("x", "x")) is None


def test_no_secret_is_shown() -> None:
    assert not any(secret in repr(ACCOUNTS) for secret in ("s3cret", "argon2", "pl4in", "token-"))
    assert "bobs-token" not in repr(BOB)


# -- htpasswd -----------------------------------------------------------------------------------------------------


@define
class Disk:
    """A file that is changed by a test; `reads` counts how often its text was taken."""

    text: str = ""
    stamp: int = 1
    error: Exception | None = None
    reads: int = 0
    told: list[str] = field(factory=list)

    def write(self, text: str) -> None:
        self.text, self.stamp = text, self.stamp + 1

    def changed(self, stamp: object) -> HtpasswdText | None:
        if self.error is not None:
            raise self.error
        if stamp == self.stamp:
            return None
        self.reads += 1
        return HtpasswdText(stamp=self.stamp, text=self.text)

    def opened(self) -> Htpasswd:
        htpasswd = Htpasswd(read=self.changed, trouble=self.told.append)
        htpasswd.read()
        return htpasswd


def bcrypted(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize(
    "known",
    [
        bcrypted("s3cret"),
        bcrypted("s3cret").replace("$2b$", "$2y$"),  # as Apache's htpasswd writes it
        "$apr1$lZL6Vxci$QP9GN9AzCrZ.98zn21kIY/",
        "{SHA}" + b64encode(sha1(b"s3cret").digest()).decode(),
        QUICK.hash("s3cret"),
    ],
    ids=["bcrypt", "bcrypt of Apache", "apr1", "SHA", "argon2"],
)
def test_hash_as_htpasswd_writes_it_is_checked(known: str) -> None:
    htpasswd = Disk(f"# the team\n\nalice:{known}\nbob:{bcrypted('other')}\n").opened()
    assert htpasswd.check("alice", "s3cret") is True
    assert htpasswd.check("alice", "wrong") is False
    assert htpasswd.check("carol", "s3cret") is None


@pytest.mark.parametrize("known", ["s3cret", "{PLAIN}s3cret", "$9$unknown", "x5NMJ.uq7vvpA"])
def test_plain_text_and_unknown_forms_let_nobody_in_and_are_told(known: str) -> None:
    disk = Disk(f"alice:{known}\n")
    htpasswd = disk.opened()
    assert htpasswd.check("alice", known) is None
    assert htpasswd.check("alice", "s3cret") is None
    assert disk.told
    assert not any(known in told for told in disk.told)


@pytest.mark.parametrize("password", ["x" * 73, "s3cret\0", "\ud800"])
def test_password_that_no_hash_can_take_is_wrong(password: str) -> None:
    assert Disk(f"alice:{bcrypted('s3cret')}\n").opened().check("alice", password) is False


@pytest.mark.parametrize("text", ["alice\n", ":hash\n", "a:b\nno colon\n"])
def test_text_that_is_no_htpasswd_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        Disk(text).opened()


def test_file_with_a_line_too_many_is_refused() -> None:
    lines = [f"user{number}:x" for number in range(MOST_USERS)]
    Disk("\n".join(lines)).opened()
    with pytest.raises(ValueError, match="more than"):
        Disk("\n".join([*lines, "one:more"])).opened()


def test_file_is_read_again_only_when_it_changed() -> None:
    disk = Disk(f"alice:{bcrypted('s3cret')}\n")
    htpasswd = disk.opened()
    for _ in range(3):
        assert htpasswd.check("alice", "s3cret")
    assert disk.reads == 1
    disk.write(f"bob:{bcrypted('s3cret')}\n")
    assert htpasswd.check("alice", "s3cret") is None
    assert htpasswd.check("bob", "s3cret") is True
    assert disk.reads == 2


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file"), ValueError("it is not UTF-8")])
def test_file_that_cannot_be_read_any_more_leaves_the_users_as_they_were(error: Exception) -> None:
    disk = Disk(f"alice:{bcrypted('s3cret')}\n")
    htpasswd = disk.opened()
    disk.error = error
    assert htpasswd.check("alice", "s3cret") is True
    assert disk.told == [str(error)]


def test_user_of_the_file_has_the_groups_of_the_configuration() -> None:
    carol = Account(user="carol", groups=frozenset({"release"}))
    accounts = Accounts(
        accounts={"carol": carol}, others=Disk(f"carol:{bcrypted('x')}\ndave:{bcrypted('x')}").opened().check
    )
    assert accounts.check(shown("carol", "x")) == carol
    assert accounts.check(shown("dave", "x")) == Account(user="dave")
    assert accounts.check(shown("dave", "y")) is None


def test_password_of_the_configuration_goes_before_the_files() -> None:
    accounts = Accounts(accounts=ACCOUNTS, others=lambda user, password: True)
    assert accounts.check(shown("alice", "anything")) is None
    assert accounts.check(shown("bob", "anything")) is None


# -- remembered ---------------------------------------------------------------------------------------------------


@define
class Time:
    now: float = 1000.0


def test_success_is_remembered_up_to_its_time_and_no_longer() -> None:
    time = Time()
    remembered = Remembered(key=b"k", now=lambda: time.now)
    digest = remembered.digest(shown("alice", "s3cret"))
    assert remembered.account(digest) is None
    remembered.keep(digest, ALICE)
    time.now += LASTS_S - 0.001
    assert remembered.account(digest) == ALICE
    time.now += 0.001
    assert remembered.account(digest) is None
    assert "s3cret" not in repr(remembered)


def test_clock_that_is_set_back_makes_no_success_last() -> None:
    time = Time()
    remembered = Remembered(key=b"k", now=lambda: time.now)
    digest = remembered.digest(shown("alice", "s3cret"))
    remembered.keep(digest, ALICE)
    time.now -= 0.001
    assert remembered.account(digest) is None


def test_only_so_many_are_remembered_and_the_least_recently_used_leaves_first() -> None:
    remembered = Remembered(key=b"k", now=lambda: 0.0)
    digests = [remembered.digest(shown("alice", str(number))) for number in range(MOST + 1)]
    for digest in digests[:MOST]:
        remembered.keep(digest, ALICE)
    assert remembered.account(digests[0]) == ALICE
    remembered.keep(digests[MOST], ALICE)
    assert remembered.account(digests[0]) == ALICE
    assert remembered.account(digests[1]) is None


def test_digests_tell_user_and_password_and_run_apart() -> None:
    one, other = (Remembered(key=key, now=lambda: 0.0) for key in (b"k", b"l"))
    asked = [("a", "bc"), ("ab", "c"), ("a", "b")]
    digests = {remembered.digest(shown(*words)) for remembered in (one, other) for words in asked}
    assert len(digests) == 6


# -- what it costs ------------------------------------------------------------------------------------------------


def test_node_without_users_imports_nothing_that_checks_passwords() -> None:
    heavy = ["argon2", "passlib", "rich"]
    script = f"import sys, tiercache.node; print([name for name in {heavy} if name in sys.modules])"
    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert imported.stdout == "[]\n"
