"""Wheels that are made up for a resolver which builds nothing."""

from __future__ import annotations

from packaging.utils import parse_wheel_filename

from tests.doubles.shelves import file_of, page_of
from tiercache.simple.made_wheels import is_made, with_made_wheels


def test_each_sdist_has_one_beside_it_which_is_otherwise_the_sdist() -> None:
    sdist = file_of("my_app-1.0.0.tar.gz", requires_python=">=3.9", yanked="broken", upload_time="2024-01-01T00:00:00Z")
    page = page_of("my-app", file_of("my_app-1.0.0-py3-none-any.whl"), sdist, file_of("my_app-2.0.zip"))
    made = [file for file in with_made_wheels(page).files if is_made(file.filename)]
    assert [file.filename for file in made] == [
        "my_app-1.0.0-0sdist-py30-none-any.whl",
        "my_app-2.0-0sdist-py30-none-any.whl",
    ]
    assert (made[0].hashes, made[0].url, made[0].size) == (sdist.hashes, sdist.url, sdist.size)
    assert (made[0].requires_python, made[0].yanked, made[0].upload_time) == (
        sdist.requires_python,
        sdist.yanked,
        sdist.upload_time,
    )
    assert made[0].core_metadata is True
    assert with_made_wheels(page).files[:3] == page.files


def test_its_name_is_that_of_a_wheel_of_the_same_version() -> None:
    for version in ("1.0", "1!2.0rc1.post2.dev3", "1.0+local.5"):
        page = with_made_wheels(page_of("app", file_of(f"app-{version}.tar.gz")))
        name, read, build, tags = parse_wheel_filename(page.files[-1].filename)
        assert (name, str(read), build) == ("app", version, (0, "sdist"))
        assert [str(tag) for tag in tags] == ["py30-none-any"]


def test_what_is_no_sdist_of_the_project_has_none() -> None:
    page = page_of(
        "app", file_of("app.egg"), file_of("notes.txt"), file_of("other-1.0.tar.gz"), file_of("app-x.tar.gz")
    )
    assert not [
        file.filename for file in with_made_wheels(page).files if "other" in file.filename and is_made(file.filename)
    ]
