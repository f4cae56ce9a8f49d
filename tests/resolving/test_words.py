"""What uv says, for people."""

from __future__ import annotations

from tiercache.resolving.words import MOST_CHARACTERS, is_no_way, scrubbed

SAID = """warning: The requested Python version 3.12 is not available; 3.11.7 will be used instead.
\x1b[1;31merror\x1b[0m: No solution found when resolving dependencies
  cause: Because tc-nothing was not found in the package registry and you require tc-nothing, we
         can conclude that your requirements are unsatisfiable.
"""


def words(said: str) -> str:
    return scrubbed(said, base_url="http://127.0.0.1:4711/", password="s3cret", folder="/var/resolving-x")


def test_the_resolvers_own_words_are_kept_without_warnings_and_colours() -> None:
    assert words(SAID).splitlines() == [
        "No solution found when resolving dependencies",
        "Because tc-nothing was not found in the package registry and you require tc-nothing, we",
        "can conclude that your requirements are unsatisfiable.",
    ]
    assert is_no_way(words(SAID))


def test_the_address_is_this_node_and_the_password_is_nowhere() -> None:
    assert words("Failed to fetch: `http://__warrant__:****@127.0.0.1:4711/simple/numpy/`") == (
        "Failed to fetch: `this node's /simple/numpy`"
    )
    assert words("see http://127.0.0.1:4711/sdists/simple/numpy/") == "see this node's /simple/numpy"
    assert words("url (http://127.0.0.1:4711/)") == "url (this node)"
    assert words("connect to 127.0.0.1:4711 failed for s3cret") == "connect to this node failed for"
    assert words("in /var/resolving-x/requirements.txt") == "in requirements.txt"
    assert words("127.0.0.1:4712") == "127.0.0.1:4712"


def test_what_goes_wrong_otherwise_is_not_taken_for_no_way() -> None:
    assert not is_no_way(words("error: Failed to fetch: `http://127.0.0.1:4711/simple/numpy/`\n  cause: 503"))


def test_words_without_end_are_cut_and_what_is_unprintable_is_left_out() -> None:
    assert len(words("x" * 1_000_000)) == MOST_CHARACTERS
    assert words("a\x00b\x07c") == "a b c"
