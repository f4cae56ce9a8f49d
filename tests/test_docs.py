"""What the pages for people say is so: their links lead somewhere, their commands and examples work."""

from __future__ import annotations

import configparser
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tiercache.cli import main
from tiercache.config import load_config

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("contrib/**/*.md")])
SCREEN_LINES = 48
SECRET = "what-some-file-holds"

# Written in parts, so that this file does not hold what it looks for.
FORBIDDEN = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("pypi", "python", "org"),
        ("anaconda", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
    )
]
NOT_OURS = re.compile(r"\.(git|venv|tools|.*_cache|hypothesis)|__pycache__|.*\.egg-info|build|dist|_trial_temp|htmlcov")


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", _without_blocks(_text(page)))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+\s+(.*)$", _without_blocks(_text(page)), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", _text(page), flags=re.MULTILINE | re.DOTALL)
        found += [(f"{_name(page)}-{number}", block) for number, block in enumerate(blocks)]
    return found


def _own_files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if NOT_OURS.fullmatch(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from _own_files(path)
        else:
            yield path


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_each_link_between_pages_leads_somewhere(page: Path) -> None:
    for link in _links(page):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{_name(page)} links to {link}"
        assert target.is_relative_to(ROOT), f"{_name(page)} links out of the repository, to {link}"
        if anchor:
            assert anchor in _anchors(target), f"{_name(page)} links to {link}"


def test_each_page_in_docs_is_in_their_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in _links(index)}
    assert [page for page in ROOT.glob("docs/**/*.md") if page != index and page.resolve() not in linked] == []


def test_first_screen_of_the_readme_has_the_chain_the_two_commands_and_the_lines_for_clients() -> None:
    screen = "\n".join(_text(ROOT / "README.md").splitlines()[:SCREEN_LINES])
    for needed in ("chains", '"laptop"', '"office"', "./run-node", "./run-tests", "index-url = ", "[[index]]"):
        assert needed in screen, f"{needed} is not in the first {SCREEN_LINES} lines"


@pytest.mark.parametrize("script", ["run-node", "run-tests", ".ci/run", ".ci/make-env"])
def test_the_scripts_that_the_readme_promises_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


def test_ci_calls_the_command_of_the_readme() -> None:
    assert "./run-tests" in _text(ROOT / ".ci" / "run").split()


def _named_commands() -> list[tuple[str, str]]:
    found = {
        (_name(page), words)
        for page in PAGES
        for words in re.findall(r"(?:`|^    )tiercache ([a-z][a-z-]*(?: [a-z-]+)?)", _text(page), flags=re.MULTILINE)
    }
    return sorted(found)


@pytest.mark.parametrize(("page", "words"), _named_commands())
def test_each_command_that_a_page_names_exists(page: str, words: str) -> None:
    first, *rest = words.split()
    command = main.commands.get(first)
    assert command is not None, f"{page} names `tiercache {words}`"
    if isinstance(command, click.Group) and rest:
        assert rest[0] in command.commands, f"{page} names `tiercache {words}`"


def test_each_command_is_in_the_readme() -> None:
    readme = _text(ROOT / "README.md")
    assert [name for name in main.commands if not re.search(rf"`(tiercache )?{name}\b", readme)] == []


@pytest.mark.parametrize(("place", "block"), _blocks("yaml"))
def test_each_configuration_on_a_page_can_be_used(place: str, block: str) -> None:
    load_config(block, source=place, environ=_AnyName(), read_file=lambda path: SECRET, hostname="laptop")


@pytest.mark.parametrize("file", ["tiers.yaml.example", "contrib/systemd/tiers.yaml", "contrib/docker/tiers.yaml"])
def test_each_configuration_file_in_the_repository_can_be_used(file: str) -> None:
    text = _text(ROOT / file)
    load_config(text, source=file, environ=_AnyName(), read_file=lambda path: SECRET, hostname="laptop")


class _AnyName(dict[str, str]):
    """An environment in which every variable is set."""

    def __missing__(self, name: str) -> str:
        return "set"

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> str:
        return self[name]


@pytest.mark.parametrize(("place", "block"), _blocks("toml"))
def test_each_toml_on_a_page_is_toml(place: str, block: str) -> None:
    assert tomllib.loads(block)


@pytest.mark.parametrize(("place", "block"), _blocks("ini"))
def test_each_ini_on_a_page_is_ini(place: str, block: str) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(block, place)
    assert parser.sections()


def test_no_file_names_the_host_of_a_package_registry() -> None:
    found = []
    for path in _own_files():
        text = path.read_bytes().decode("utf-8", "replace").lower()
        found += [f"{_name(path)}: {host}" for host in FORBIDDEN if host in text]
    assert found == []


def test_the_check_for_host_names_sees_them(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(f"see https://{FORBIDDEN[0]}/", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "page.md").write_text(FORBIDDEN[0], encoding="utf-8")
    assert [path for path in _own_files(tmp_path) if FORBIDDEN[0] in path.read_text(encoding="utf-8")] == [
        tmp_path / "page.md"
    ]


def test_changes_begin_with_this_version() -> None:
    from tiercache import __version__

    versions = re.findall(r"^## (\S+)", _text(ROOT / "CHANGES.md"), flags=re.MULTILINE)
    assert versions[0] == __version__
