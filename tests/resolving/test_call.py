"""How uv is asked."""

from __future__ import annotations

from typing import Any

import pytest

from tiercache.errors.prefetch import ResolverFailed
from tiercache.interfaces.resolver import Question
from tiercache.resolving.call import Call, call_for
from tiercache.wire.prefetch import Target

SECRET = "s3cret-password"  # made up
ABC = "a" * 64


def called(*requirements: str, **more: Any) -> Call:
    question = Question(requirements=requirements, **more)
    return call_for(question, base_url="http://127.0.0.1:4711/", password=SECRET, folder="/run", python="/bin/python")


def test_requirements_stand_in_a_file_and_never_on_the_command_line() -> None:
    call = called("numpy>=2", f"attrs==25.1 --hash=sha256:{ABC} --hash=sha512:{ABC}", constraints=("numpy<3",))
    assert call.files == {
        "requirements.txt": f"numpy>=2\nattrs==25.1 --hash=sha256:{ABC} --hash=sha512:{ABC}\n",
        "constraints.txt": "numpy<3\n",
    }
    assert not any("numpy" in word or "attrs" in word for word in call.arguments)
    assert "--constraints" in call.arguments
    assert "--constraints" not in called("numpy").arguments


def test_nothing_is_built_and_nobodys_settings_are_read() -> None:
    words = called("numpy").arguments
    assert {"--no-build", "--no-config", "--no-sources", "--no-python-downloads"} <= set(words)
    environment = called("numpy").environment
    assert environment["HOME"] == "/run"
    assert environment["UV_CACHE_DIR"] == "/run/cache"
    assert environment["UV_KEYRING_PROVIDER"] == "disabled"
    assert environment["PATH"] == ""
    assert {name for name in environment if name.startswith(("UV_", "PIP_"))} == {
        "UV_DEFAULT_INDEX",
        "UV_CACHE_DIR",
        "UV_KEYRING_PROVIDER",
        "UV_HTTP_RETRIES",
        "UV_HTTP_TIMEOUT",
    }


def test_the_password_stands_in_the_environment_alone() -> None:
    call = called("numpy")
    assert call.environment["UV_DEFAULT_INDEX"] == f"http://__warrant__:{SECRET}@127.0.0.1:4711/simple/"
    assert not any(SECRET in word for word in (*call.arguments, *call.files.values()))
    assert SECRET not in repr(call)


def test_a_local_question_is_answered_by_the_store_alone() -> None:
    assert called("numpy", is_local=True).environment["UV_DEFAULT_INDEX"].endswith("@127.0.0.1:4711/local/")


def test_a_target_is_named_and_without_one_the_answer_is_universal() -> None:
    words = called("numpy", target=Target(python="3.12", platform="aarch64-apple-darwin")).arguments
    assert {"--python-version=3.12", "--python-platform=aarch64-apple-darwin"} <= set(words)
    assert "--universal" not in words
    assert "--universal" in called("numpy").arguments
    assert not any("--python-version" in word for word in called("numpy").arguments)
    assert {"--universal", "--python-version=3.9"} <= set(called("numpy", since="3.9").arguments)
    # A word that looks like an option is one's value all the same.
    assert "--python-platform=--no-config" in called("x", target=Target(python="3.9", platform="--no-config")).arguments


def test_what_is_locked_is_asked_for_without_what_it_requires() -> None:
    assert "--no-deps" in called("numpy", no_deps=True).arguments
    assert "--no-deps" not in called("numpy").arguments


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--index-url https://elsewhere.example/",
        "-r other.txt",
        "./folder",
        "numpy @ https://elsewhere.example/numpy.whl",
        "numpy @ file:///etc/passwd",
        "git+https://elsewhere.example/numpy",
        "numpy\n--index-url https://elsewhere.example/",
        "numpy --hash=sha256:zz",
        f"numpy --hash=sha256:{ABC} --index-url=https://elsewhere.example/",
        "numpy \\",
        "numpy # --hash=x",
        "",
    ],
)
def test_what_is_no_requirement_is_not_asked(line: str) -> None:
    with pytest.raises(ResolverFailed):
        called(line)
    with pytest.raises(ResolverFailed):
        called("numpy", constraints=(line,))
