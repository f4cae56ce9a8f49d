"""What the document of the JSON API promises, held by schemathesis against a real node on a socket."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import schemathesis
from schemathesis.checks import not_a_server_error

from tests.web.served_api import STORED

ROOT = Path(__file__).parents[2]
TIMEOUT_S, DEADLINE_S = 20.0, 600.0
OPERATIONS = 48
AS_IN_A_TEST = (
    *("--max-examples", "40"),
    "--generation-deterministic",
    *("--workers", "1"),
    *("--request-timeout", str(TIMEOUT_S)),
    "--no-color",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The root of a node that serves."""
    command = [sys.executable, "-m", "tests.web.served_api"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def test_every_answer_is_what_the_document_promises(served: str, tmp_path: Path) -> None:
    """Data as the document has it and data as it has not, for every operation; each answer is checked by all rules."""
    settings = ("--config-file", str(Path(__file__).with_name("schemathesis.toml")))
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        *settings,
        "run",
        f"{served}/api/v1/openapi.json",
        *AS_IN_A_TEST,
    ]
    ended = subprocess.run(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S
    )
    assert ended.returncode == 0, ended.stdout
    assert f"{OPERATIONS} selected" in ended.stdout


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "", {}, 200),
        ("GET", "", {"Range": "bytes=0-9"}, 206),
        ("GET", "", {"Range": "bytes=99999999-"}, 416),
        ("HEAD", "", {"Cache-Control": "only-if-cached"}, 200),
        ("GET", "0" * 64, {"Cache-Control": "only-if-cached"}, 504),
    ],
)
def test_the_answers_of_files_that_chance_does_not_find_are_as_promised(
    served: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    document = schemathesis.openapi.from_url(f"{served}/api/v1/openapi.json")
    operation = document["/api/v1/files/{sha256}"][method]
    digest = path or sha256(STORED).hexdigest()
    case = operation.Case(path_parameters={"sha256": digest}, headers=headers)
    response = case.call(timeout=TIMEOUT_S)
    assert response.status_code == status
    # 504 is what only-if-cached is for (RFC 9111 section 5.2.1.7), and no error of this server.
    case.validate_response(response, excluded_checks=[not_a_server_error] if status == 504 else [])
