"""The files under `contrib/` have the form that their readers ask for, and socket activation works."""

from __future__ import annotations

import configparser
import json
import os
import plistlib
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.doubles.fetching import fetch
from tests.doubles.processes import TOOLS, Running, bare_environment
from tiercache.cli import main
from tiercache.config import Config, load_config

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "contrib" / "systemd"
DOCKER = ROOT / "contrib" / "docker"


def _unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys are not lower case
    parser.read_string((SYSTEMD / name).read_text(encoding="utf-8"))
    return parser


def _config(path: Path) -> Config:
    text = path.read_text(encoding="utf-8")
    return load_config(text, source=str(path), environ={}, read_file=lambda name: "", hostname="laptop")


def _is_accepted(arguments: list[str]) -> bool:
    """Whether the command line understands these words of `tiercache …`; raises click's error where it does not."""
    name, *rest = arguments
    main.commands[name].make_context(name, rest)
    return True


# -- systemd ----------------------------------------------------------------------------------------------------


def test_service_runs_a_command_that_exists_with_its_configuration() -> None:
    program, *arguments = _unit("tiercache.service")["Service"]["ExecStart"].split()
    assert Path(program).name == "tiercache"
    assert _is_accepted(arguments)
    assert arguments[-1] == "/etc/tiercache/tiers.yaml"


def test_service_is_given_more_time_to_stop_than_the_node_takes() -> None:
    given_s = int(_unit("tiercache.service")["Service"]["TimeoutStopSec"])
    assert given_s > _config(SYSTEMD / "tiers.yaml").node.stop_timeout_s


def test_service_listens_on_the_socket_that_systemd_holds_and_stores_where_systemd_lets_it() -> None:
    config = _config(SYSTEMD / "tiers.yaml")
    service = _unit("tiercache.service")
    assert list(config.node.listen) == ["systemd:domain=INET:index=0"]
    assert service["Unit"]["Requires"] == "tiercache.socket"
    assert str(config.store.path) == f"/var/lib/{service['Service']['StateDirectory']}"


def test_socket_is_the_default_address() -> None:
    assert _unit("tiercache.socket")["Socket"]["ListenStream"] == "127.0.0.1:8141"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("SystemCallFilter", "@system-service"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("Type", "exec"),
    ],
)
def test_service_may_do_little_else(key: str, value: str) -> None:
    assert _unit("tiercache.service")["Service"][key] == value


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_both_units(tmp_path: Path) -> None:
    shutil.copy(SYSTEMD / "tiercache.socket", tmp_path)
    # The program is not installed where the unit says, and systemd looks.
    text = (SYSTEMD / "tiercache.service").read_text(encoding="utf-8")
    (tmp_path / "tiercache.service").write_text(
        text.replace("/opt/tiercache/bin/tiercache", sys.executable), encoding="utf-8"
    )
    units = [str(tmp_path / "tiercache.socket"), str(tmp_path / "tiercache.service")]
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in checked.stderr.splitlines() if str(tmp_path) in line or "tiercache" in line]
    assert (checked.returncode, ours) == (0, [])


@pytest.mark.slow
def test_node_serves_on_a_socket_that_was_made_for_it(tmp_path: Path) -> None:
    config = tmp_path / "tiers.yaml"
    text = (SYSTEMD / "tiers.yaml").read_text(encoding="utf-8")
    config.write_text(text.replace("/var/lib/tiercache", str(tmp_path / "store")), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as made:
        port = made.getsockname()[1]
        # The protocol wants descriptor 3, and the process id of the very process that takes it over.
        handed_over = (
            f"import os, sys; os.dup2({made.fileno()}, 3); "
            "os.environ.update(LISTEN_FDS='1', LISTEN_FDNAMES='tiercache.socket', LISTEN_PID=str(os.getpid())); "
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        command: list[str | Path] = [
            sys.executable,
            "-c",
            handed_over,
            TOOLS / "tiercache",
            "serve",
            "--config",
            config,
        ]
        with (tmp_path / "log").open("ab") as said:
            process = subprocess.Popen(
                command, env=bare_environment(tmp_path / "home"), pass_fds=[made.fileno()], stdout=said, stderr=said
            )
        node = Running(log=tmp_path / "log", process=process)
        try:
            # The kernel accepts until the node does: who comes early waits, and is not refused.
            assert fetch(f"http://127.0.0.1:{port}/healthz", timeout_s=30).status == 200, node.said()
            node.terminate()
            assert process.wait(timeout=30) == 0, node.said()
        finally:
            node.close()


# -- launchd ----------------------------------------------------------------------------------------------------


def test_agent_runs_a_command_that_exists_and_is_kept_alive() -> None:
    agent = plistlib.loads((ROOT / "contrib" / "launchd" / "tiercache.plist").read_bytes())
    shell, option, script = agent["ProgramArguments"]
    assert (agent["Label"], shell, option) == ("tiercache", "/bin/sh", "-c")
    words = re.fullmatch(r'exec "\$HOME/\S+/tiercache" (.*) >> "\$HOME/Library/Logs/tiercache.log" 2>&1', script)
    assert words is not None
    assert _is_accepted(words[1].split())
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["Umask"] == 0o077


def test_agent_is_given_more_time_to_stop_than_the_node_takes() -> None:
    agent = plistlib.loads((ROOT / "contrib" / "launchd" / "tiercache.plist").read_bytes())
    default = load_config("", source="", environ={"HOME": "/home/me"}, read_file=lambda name: "", hostname="laptop")
    assert agent["ExitTimeOut"] > default.node.stop_timeout_s


# -- the image --------------------------------------------------------------------------------------------------


def _instructions() -> list[tuple[str, str]]:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", text)
    lines = [line.split(None, 1) for line in joined.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, rest in lines]


def _last(word: str) -> str:
    return [rest for name, rest in _instructions() if name == word][-1]


def _copied_from_the_clone() -> list[str]:
    copies = [rest.split() for word, rest in _instructions() if word == "COPY" and not rest.startswith("--from")]
    return [source for *sources, _ in copies for source in sources]


def test_image_is_made_from_files_that_exist_and_are_not_ignored() -> None:
    kept = [line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = _copied_from_the_clone()
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(fnmatchcase(source, pattern) for pattern in kept), f"{source} is ignored"


def test_image_has_all_that_the_package_is_built_from() -> None:
    assert {"setup.cfg", "pyproject.toml", "README.md", "LICENSE", "tiercache", "twisted"} <= set(
        _copied_from_the_clone()
    )


def test_image_does_not_run_as_root_and_owns_its_volume() -> None:
    words = [word for word, _ in _instructions()]
    assert _last("USER") == "tiercache"
    assert words.index("USER") < words.index("ENTRYPOINT")
    user = next(rest for word, rest in _instructions() if word == "RUN" and "useradd" in rest)
    volume = _last("VOLUME")
    assert f"--home-dir {volume} --create-home tiercache" in user
    assert str(_config(DOCKER / "tiers.yaml").store.path) == volume


def test_image_is_reached_from_outside_at_the_port_that_it_exposes() -> None:
    port = _last("EXPOSE")
    assert list(_config(DOCKER / "tiers.yaml").node.listen) == [f"tcp:{port}"]
    assert f":{port}/healthz" in _last("HEALTHCHECK")


def test_image_runs_a_command_that_exists() -> None:
    assert json.loads(_last("ENTRYPOINT")) == ["tiercache"]
    assert _is_accepted(json.loads(_last("CMD")))
    source, target = _last("COPY").split()
    assert source == "contrib/docker/tiers.yaml"
    assert f"TIERCACHE_CONFIG={target} " in _last("ENV")


def test_image_is_named_without_a_registry() -> None:
    images = [rest.split()[0] for word, rest in _instructions() if word == "FROM"]
    assert set(images) == {"python:3.11-slim"}


# -- what is installed --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_wheel_has_the_plugin_the_types_and_every_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    left_out = (".*", "*.egg-info", "__pycache__", "*dropin.cache*", "build", "dist", "tests", "benchmarks", "docs")
    ignored = shutil.ignore_patterns(*left_out)
    shutil.copytree(ROOT, source, ignore=ignored)
    built = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    subprocess.run(built, check=True, capture_output=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(ROOT))
        for top in ("tiercache", "twisted")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "dropin.cache" not in path.name
    }
    assert held == ours
