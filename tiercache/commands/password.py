"""`tiercache password`: the hash of a password, for the configuration."""

from __future__ import annotations

import sys

import click

LONGEST_CHARACTERS = 1000
TIMES, MEMORY_KIB, LANES = 2, 19 * 1024, 1
"""What one guess costs whoever finds the hash, and one check this node: OWASP's least for argon2id."""


@click.command()
def password() -> None:
    """Print the argon2 hash of a password, as `access: {users: {NAME: {password: "..."}}}` takes it.

    The password is asked for twice on a terminal, and else read as one line from standard input.
    """
    from argon2 import PasswordHasher

    from tiercache.access.tokens import PREFIX

    plain = _asked() if sys.stdin.isatty() else _read()
    if not plain:
        raise click.ClickException("the password is empty")
    if len(plain) > LONGEST_CHARACTERS:
        raise click.ClickException(f"the password has more than {LONGEST_CHARACTERS} characters")
    if any(ord(character) < 32 or ord(character) == 127 for character in plain):
        raise click.ClickException("there is a control character in the password, which no client can send")
    if plain.startswith(PREFIX):
        raise click.ClickException(f"what begins with {PREFIX} is taken for a token, and for no password")
    click.echo(PasswordHasher(time_cost=TIMES, memory_cost=MEMORY_KIB, parallelism=LANES).hash(plain))


def _asked() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True))


def _read() -> str:
    line = sys.stdin.buffer.readline(4 * LONGEST_CHARACTERS + 2)
    try:
        return line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise click.ClickException("the password is no text in UTF-8") from None
