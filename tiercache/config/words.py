"""What a text in the file stands for: `~` and `${NAME}`, and secrets that stand elsewhere.

The environment and the reading of files are handed in.  No message here ever repeats a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from attrs import field, frozen

from tiercache.config.values import Secret, UserPassword

# `$$`, `${NAME}`, and `${` that goes wrong.  A `$` before anything else stands for itself.
_DOLLAR = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<wrong>\{))", re.ASCII)
# A hash as argon2 writes it.
_HASH = re.compile(
    r"\$argon2(id|i|d)\$v=[0-9]+\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]{8,}\$[A-Za-z0-9+/]{8,}", re.ASCII
)
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_ELSEWHERE = "{env: NAME} or {file: PATH}"

SHORTEST_TOKEN = 16
"""Of a user, in characters: what is looked up by a quick digest has to be long."""


@frozen(kw_only=True)
class Surroundings:
    """What a configuration may point at: `environ`, and `read_file`, which gives the text of the file at a path."""

    environ: Mapping[str, str] = field(repr=False)
    read_file: Callable[[str], str]

    def text(self, value: object) -> str:
        """A text with `~` and `${NAME}` replaced.  Raises ValueError."""
        if not isinstance(value, str):
            raise ValueError(_no_text(value))
        if not value:
            raise ValueError("is empty")
        return self._without_references(self._without_tilde(value))

    def secret(self, value: object) -> Secret:
        """A secret: text in the file, or where it stands instead.  Raises ValueError."""
        if isinstance(value, Mapping):
            return Secret(self._read_elsewhere(value))
        if isinstance(value, str) and value:
            return Secret(self._without_references(value))
        raise ValueError("is empty" if value == "" else f"needs to be text in quotes, or {_ELSEWHERE}")

    def password(self, value: object) -> UserPassword:
        """A user's password: its hash in the file, or plain text from elsewhere.  Raises ValueError."""
        if isinstance(value, Mapping):
            return UserPassword(secret=Secret(self._read_elsewhere(value)), is_hashed=False)
        # The dollars of a hash are its own.
        if not isinstance(value, str) or not _HASH.fullmatch(value):
            raise ValueError(f"needs the argon2 hash of a password (not the password itself), or {_ELSEWHERE}")
        return UserPassword(secret=Secret(value), is_hashed=True)

    def token(self, value: object) -> Secret:
        """The token of a user: a secret that nobody guesses.  Raises ValueError."""
        token = self.secret(value)
        if len(token.reveal()) < SHORTEST_TOKEN or not _TOKEN.fullmatch(token.reveal()):
            raise ValueError(f"needs {SHORTEST_TOKEN} characters at least, made by chance, without spaces")
        return token

    def text_of_file(self, path: str) -> str:
        """The text of a file.  Raises ValueError."""
        try:
            return self.read_file(path)
        except OSError as error:
            raise ValueError(f"cannot be read from {path}: {error.strerror or type(error).__name__}") from None
        except UnicodeDecodeError:
            raise ValueError(f"cannot be read from {path}: it is not UTF-8") from None

    def _read_elsewhere(self, value: Mapping[str, object]) -> str:
        if set(value) == {"env"} and isinstance(name := value["env"], str):
            text = self._variable(name)
        elif set(value) == {"file"}:
            text = self.text_of_file(self.text(value["file"]))
        else:
            raise ValueError(f"needs to be text in quotes, or {_ELSEWHERE}")
        text = text.rstrip("\r\n")
        if not text:
            raise ValueError("is empty where it is to be read from")
        return text

    def _without_tilde(self, text: str) -> str:
        if text != "~" and not text.startswith("~/"):
            return text
        home = self.environ.get("HOME")
        if not home:
            raise ValueError(f"{text!r} needs the variable HOME, which is not set")
        return home.rstrip("/") + text[1:] if text[1:] else home

    def _without_references(self, text: str) -> str:
        def replaced(found: re.Match[str]) -> str:
            if found["dollar"]:
                return "$"
            if found["wrong"]:
                raise ValueError("has a '${' that is not '${NAME}'; write '$$' for a '$' itself")
            return self._variable(found["name"])

        return _DOLLAR.sub(replaced, text)

    def _variable(self, name: str) -> str:
        if name not in self.environ:
            raise ValueError(f"needs the variable {name}, which is not set")
        return self.environ[name]


def _no_text(value: object) -> str:
    match value:
        case bool() | int() | float():
            return "needs to be text: put it in quotes"
        case _:
            return "needs to be text"
