"""Files that are uploaded to a whole node: they are there at once, or not at all."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from urllib.parse import urljoin

import pytest

from tests.doubles.chain_of_nodes import ORIGIN
from tests.doubles.publishing import BOB, ROOM_BYTES, PublishingNode
from tests.doubles.uploads import BOUNDARY, Made, form, form_of, made, part
from tests.doubles.wire import Connection
from tiercache.config import PublishConfig
from tiercache.simple.names import normalise
from tiercache.storage.memory_files import MemoryFiles

WHEEL, SDIST = made(), made(kind="sdist")
OTHER_WHEEL = made(requires=("idna",))  # other bytes, the same filename
SDIST_PATH = f"/packages/source/a/acme-tools/{SDIST.filename}"
RAW = {"Content-Type": "application/octet-stream"}


def attribute(node: PublishingNode, filename: str, name: str) -> object:
    page = node.page()
    assert isinstance(page, dict)
    (file,) = [file for file in page["files"] if file["filename"] == filename]
    return file.get(name)


def content_at(node: PublishingNode, filename: str, suffix: str = "") -> bytes:
    return node.node.get(urljoin("/simple/acme-tools/", str(attribute(node, filename, "url"))) + suffix).body


# -- what is published is there -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/legacy/", "/legacy", "/simple/", "/simple", "/"])
@pytest.mark.parametrize("archive", [WHEEL, SDIST], ids=["wheel", "sdist"])
def test_an_upload_is_on_its_page_and_to_be_had_at_once(path: str, archive: Made) -> None:
    node = PublishingNode()
    assert node.filenames() == 404  # which is remembered
    reply = node.send(path, form_of(archive))
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    assert node.filenames() == [archive.filename]
    assert content_at(node, archive.filename) == archive.content
    assert node.node.get(f"/packages/source/a/acme-tools/{archive.filename}").body == archive.content
    node.assert_holds(archive)


def test_page_says_of_an_upload_what_an_index_says() -> None:
    node = PublishingNode()
    node.chain.advance(0.25)
    assert node.publish(WHEEL).status == 200
    assert attribute(node, WHEEL.filename, "hashes") == {"sha256": WHEEL.sha256}
    assert attribute(node, WHEEL.filename, "size") == len(WHEEL.content)
    assert attribute(node, WHEEL.filename, "requires-python") == ">=3.8"
    uploaded = str(attribute(node, WHEEL.filename, "upload-time"))
    assert uploaded.endswith(".250000Z")
    assert node.page()["versions"] == ["1.0"]  # type: ignore[index]  # it is there


def test_sidecar_is_advertised_and_served_at_once() -> None:
    node = PublishingNode()
    node.publish(WHEEL)
    metadata = content_at(node, WHEEL.filename, ".metadata")
    assert metadata.startswith(b"Metadata-Version: 2.2\nName: acme-tools\nVersion: 1.0\n")
    assert isinstance(attribute(node, WHEEL.filename, "core-metadata"), dict)


def test_attestations_are_kept_and_served_as_provenance() -> None:
    node = PublishingNode()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": WHEEL.filename, "digest": {"sha256": WHEEL.sha256}}],
        "predicateType": "https://attestations.example/publish/v1",
        "predicate": None,
    }
    attestation = {
        "version": 1,
        "verification_material": {"certificate": "Y2VydA==", "transparency_entries": [{"logIndex": "1"}]},
        "envelope": {"statement": b64encode(json.dumps(statement).encode()).decode(), "signature": "c2lnbmF0dXJl"},
    }
    body = form_of(WHEEL, ("attestations", json.dumps([attestation])))
    assert node.send("/legacy/", body).status == 200
    assert str(attribute(node, WHEEL.filename, "provenance")).endswith(f"{WHEEL.filename}.provenance")
    provenance = json.loads(content_at(node, WHEEL.filename, ".provenance"))
    (bundle,) = provenance["attestation_bundles"]
    assert bundle["attestations"] == [attestation]
    assert bundle["publisher"]["kind"] == "tiercache"


def test_form_of_pypicache_publishes_an_sdist() -> None:
    for path in ("/uploadpackage/", "/uploadpackage"):
        node = PublishingNode()
        assert node.send(path, form([], SDIST.filename, SDIST.content, "sdist")).status == 200
        assert content_at(node, SDIST.filename) == SDIST.content


@pytest.mark.parametrize(
    ("archive", "folder"), [(SDIST, "source/a/acme-tools"), (WHEEL, "py3/a/Acme.Tools"), (WHEEL, "2.7/a/acme_tools")]
)
def test_file_that_is_put_is_published(archive: Made, folder: str) -> None:
    node = PublishingNode()
    path = f"/packages/{folder}/{archive.filename}"
    assert node.send(path, archive.content, RAW, method="PUT").status == 201
    assert node.send(path, archive.content, RAW, method="PUT").status == 200
    assert node.node.get(path).body == archive.content
    assert node.filenames() == [archive.filename]


def test_who_published_what_is_in_the_audit_trail() -> None:
    node = PublishingNode()
    node.publish(WHEEL)
    node.publish(WHEEL)
    acts = node.node.catalogue.acts(normalise("acme-tools"), None, 10)
    assert [(act.by, act.filename, act.detail) for act in acts] == [("alice", WHEEL.filename, WHEEL.sha256)]


def test_body_in_pieces_and_in_chunks_is_published() -> None:
    for chunked in (False, True):
        node = PublishingNode()
        body = form_of(WHEEL)
        length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        connection = node.begin("/legacy/", length)
        for start in range(0, len(body), 701):
            piece = body[start : start + 701]
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            connection.send(b"0\r\n\r\n")
        node.chain.settle()
        assert connection.reply("POST").status == 200
        assert node.filenames() == [WHEEL.filename]


# -- again --------------------------------------------------------------------------------------------------------


def test_the_same_bytes_again_are_well() -> None:
    node = PublishingNode()
    assert node.publish(WHEEL).body == f"{WHEEL.filename} is published.\n".encode()
    before = node.page()
    node.chain.advance(5.0)
    reply = node.publish(WHEEL)
    assert (reply.status, node.page()) == (200, before)
    assert b"before" in reply.body
    node.assert_holds(WHEEL)


def test_the_same_bytes_again_mend_what_the_store_has_lost() -> None:
    node = PublishingNode()
    node.publish(WHEEL)
    node.node.files.remove(WHEEL.sha256)
    assert node.publish(WHEEL).status == 200
    assert content_at(node, WHEEL.filename) == WHEEL.content


def test_other_bytes_under_a_known_filename_are_refused() -> None:
    node = PublishingNode()
    node.publish(WHEEL)
    before = node.page()
    for reply in (
        node.publish(OTHER_WHEEL),
        node.send(f"/packages/py3/a/acme-tools/{WHEEL.filename}", OTHER_WHEEL.content, RAW, method="PUT"),
    ):
        assert reply.status == 409
        assert b"already exists" in reply.body
    assert node.page() == before
    node.assert_holds(WHEEL)


def at_once(node: PublishingNode, *archives: Made) -> list[Connection]:
    """Uploads of which none has ended when the last begins."""
    connections = []
    for archive in archives:
        body = form_of(archive)
        connection = node.begin("/legacy/", {"Content-Length": str(len(body))})
        connection.send(body[:-10])
        connections.append(connection)
    for archive, connection in zip(archives, connections, strict=True):
        connection.send(form_of(archive)[-10:])
    node.chain.settle()
    return connections


def test_of_two_uploads_of_one_filename_at_once_one_wins_and_the_other_is_told() -> None:
    node = PublishingNode()
    statuses = [connection.reply("POST").status for connection in at_once(node, WHEEL, OTHER_WHEEL)]
    assert sorted(statuses) == [200, 409]
    winner = (WHEEL, OTHER_WHEEL)[statuses.index(200)]
    assert node.filenames() == [WHEEL.filename]
    assert content_at(node, WHEEL.filename) == winner.content
    node.assert_holds(winner)


def test_two_uploads_of_the_same_bytes_at_once_are_both_well_and_there_once() -> None:
    node = PublishingNode()
    assert [connection.reply("POST").status for connection in at_once(node, WHEEL, WHEEL)] == [200, 200]
    assert node.filenames() == [WHEEL.filename]
    node.assert_holds(WHEEL)


# -- who may ------------------------------------------------------------------------------------------------------

PATHS = [("POST", "/legacy/"), ("POST", "/simple/"), ("POST", "/"), ("POST", "/uploadpackage/"), ("PUT", SDIST_PATH)]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("credentials", ["", "Bearer token-of-nobody-at-all"])
def test_nobody_without_credentials_makes_the_node_take_a_body(method: str, path: str, credentials: str) -> None:
    node = PublishingNode()
    fields = {"Authorization": credentials, "Content-Length": "1000000", "Expect": "100-continue"}
    reply = node.begin(path, fields, method=method).reply(method)
    assert (reply.status, reply.headers["connection"]) == (401, "close")
    assert reply.headers["www-authenticate"].startswith("Basic ")


def test_who_may_is_told_to_go_on() -> None:
    connection = PublishingNode().begin("/legacy/", {"Content-Length": "1000", "Expect": "100-continue"})
    assert connection.received == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_client_that_asks_again_with_credentials_is_served() -> None:
    node = PublishingNode()
    body = form_of(WHEEL)
    refused = node.begin("/legacy/", {"Authorization": "", "Content-Length": str(len(body))})
    refused.send(body)
    assert refused.reply("POST").status == 401
    assert node.publish(WHEEL).status == 200


def test_token_for_another_project_is_refused_before_the_file_comes() -> None:
    node = PublishingNode()
    connection = node.begin("/legacy/", {**BOB, "Content-Length": "1000000000"})
    connection.send(form(WHEEL.fields, WHEEL.filename, b"a" * 300_000))
    assert connection.reply("POST").status == 403
    node.assert_holds()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/legacy/", form_of(WHEEL)),
        ("POST", "/legacy/", form([field for field in WHEEL.fields if field[0] != "name"], WHEEL.filename, b"")),
        ("POST", "/uploadpackage/", form([], SDIST.filename, SDIST.content, "sdist")),
        ("PUT", SDIST_PATH, SDIST.content),
    ],
)
def test_token_for_another_project_publishes_nothing(method: str, path: str, body: bytes) -> None:
    node = PublishingNode()
    assert node.send(path, body, BOB, method=method).status in (400, 403)
    assert node.filenames() == 404
    node.assert_holds()
    own = made("bobs-tools")
    assert node.publish(own, BOB).status == 200


def test_node_that_takes_no_uploads_says_so() -> None:
    node = PublishingNode(config={"publish": PublishConfig(to="nowhere")})
    for method, path in PATHS:
        reply = node.begin(path, {"Content-Length": "1000000", "Expect": "100-continue"}, method=method).reply(method)
        assert (reply.status, reply.body) == (403, b"This node takes no uploads.\n")


@pytest.mark.parametrize(
    "path",
    [
        "/legacy/acme-tools/",
        "/legacy/x",
        "/simple/acme-tools/",
        "/simple/acme-tools",
        "/local/",
        "/local",
        "/packages/",
        SDIST_PATH,
        f"/files/{'0' * 64}/{SDIST.filename}",
        "/pypi",
        "/pypi/",
        "/uploadpackage/x",
        "/upload",
        "/api/v1/",
        "/healthz",
        "/LEGACY/",
        "//legacy/",
        "/legacy//",
        "/nowhere",
    ],
)
def test_post_to_a_wrong_path_is_never_taken_for_well(path: str) -> None:
    """Mistake 27 of protocol.md."""
    node = PublishingNode()
    assert node.send(path, form_of(WHEEL)).status in (404, 405)
    assert node.filenames() == 404


# -- bad uploads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha256_digest", "blake2_256_digest", "md5_digest"])
def test_upload_with_a_wrong_digest_is_refused(algorithm: str) -> None:
    node = PublishingNode()
    wrong = WHEEL.digests[algorithm].translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    reply = node.send("/legacy/", form_of(WHEEL, **{algorithm: wrong}))
    assert reply.status == 400
    assert WHEEL.digests[algorithm].encode() in reply.body
    assert node.filenames() == 404
    node.assert_holds()


def test_upload_whose_digests_nobody_can_check_is_refused() -> None:
    node = PublishingNode()
    whole = hashlib.blake2b(WHEEL.content).hexdigest()  # as old setuptools sent it
    reply = node.send("/legacy/", form_of(WHEEL, sha256_digest=None, md5_digest=None, blake2_256_digest=whole))
    assert (reply.status, node.filenames()) == (400, 404)
    assert b"can be checked" in reply.body
    assert node.send("/legacy/", form_of(WHEEL, md5_digest=None, blake2_256_digest=whole)).status == 200


BAD = {
    "no form": (b"PK", {"Content-Type": "application/zip"}),
    "a form without boundary": (form_of(WHEEL), {"Content-Type": "multipart/form-data"}),
    "a form with another boundary": (form_of(WHEEL), {"Content-Type": "multipart/form-data; boundary=x"}),
    "a form without end": (form_of(WHEEL)[:-20], {}),
    "a form in halves": (form_of(WHEEL)[: len(WHEEL.content) // 2], {}),
    "a form without a file": (part("name", "acme-tools") + f"--{BOUNDARY}--\r\n".encode(), {}),
    "a form that is encoded": (form_of(WHEEL), {"Content-Encoding": "gzip"}),
    "a part of a form": (form_of(WHEEL), {"Content-Range": "bytes 0-99/100"}),
    "nothing": (b"", {}),
    "another name": (form_of(WHEEL, name="acme-other"), {}),
    "another version": (form_of(WHEEL, version="2.0"), {}),
    "another action": (form_of(WHEEL, action="submit"), {}),
    "a doubled name": (form_of(WHEEL, ("name", "acme-tools")), {}),
    "no archive": (form([f for f in WHEEL.fields if "digest" not in f[0]], WHEEL.filename, b"no archive"), {}),
    "half an archive": (
        form([f for f in WHEEL.fields if "digest" not in f[0]], WHEEL.filename, WHEEL.content[:-100]),
        {},
    ),
    "a path for a filename": (form(WHEEL.fields, f"../{WHEEL.filename}", WHEEL.content), {}),
    "a filename that is none": (form(WHEEL.fields, ".whl", WHEEL.content), {}),
}


@pytest.mark.parametrize(("body", "fields"), BAD.values(), ids=BAD.keys())
def test_bad_form_is_refused_and_nothing_of_it_kept(body: bytes, fields: dict[str, str]) -> None:
    node = PublishingNode()
    reply = node.send("/legacy/", body, fields)
    assert reply.status == 400
    assert reply.body.endswith(b".\n")
    assert node.filenames() == 404
    node.assert_holds()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"/packages/{SDIST.filename}", {}),
        (f"/packages/source/{SDIST.filename}", {}),
        (f"/packages/source/a/acme-tools/x/{SDIST.filename}", {}),
        (f"/packages/source/a/other/{SDIST.filename}", {}),
        (f"/packages/source/a/-/{SDIST.filename}", {}),
        ("/packages/source/a/acme-tools/acme-tools.tar.gz", {}),
        ("/packages/source/a/acme-tools/README.txt", {}),
        (SDIST_PATH.replace(".tar.gz", ".exe"), {}),
        (SDIST_PATH, {"Content-Encoding": "gzip"}),
        (SDIST_PATH, {"Content-Range": "bytes 0-99/100"}),
    ],
)
def test_file_that_is_put_in_a_wrong_place_is_refused(path: str, fields: dict[str, str]) -> None:
    node = PublishingNode()
    assert node.send(path, SDIST.content, {**RAW, **fields}, method="PUT").status in (400, 404, 405)
    assert node.filenames() == 404
    node.assert_holds()


@pytest.mark.parametrize(("limit_bytes", "status"), [(len(WHEEL.content), 200), (len(WHEEL.content) - 1, 413)])
def test_file_is_bounded_by_what_the_configuration_says(limit_bytes: int, status: int) -> None:
    node = PublishingNode(config={"publish": PublishConfig(max_size_bytes=limit_bytes)})
    assert node.publish(WHEEL).status == status
    path = f"/packages/py3/a/acme-tools/{WHEEL.filename}"
    assert node.send(path, WHEEL.content, RAW, method="PUT").status == status
    node.assert_holds(*([WHEEL] if status == 200 else []))


def test_body_that_is_too_large_is_refused_before_it_comes() -> None:
    node = PublishingNode(config={"publish": PublishConfig(max_size_bytes=1000)})
    connection = node.begin("/legacy/", {"Content-Length": str(1 << 40), "Expect": "100-continue"})
    assert connection.reply("POST").status == 413


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_client_that_leaves_half_way_leaves_nothing(share: float) -> None:
    node = PublishingNode()
    body = form_of(WHEEL)
    connection = node.begin("/legacy/", {"Content-Length": str(len(body))})
    connection.send(body[: int(len(body) * share)])
    connection.leave()
    assert node.filenames() == 404
    node.assert_holds()
    assert node.publish(WHEEL).status == 200


def test_upload_that_stops_is_ended_and_leaves_nothing() -> None:
    node = PublishingNode()
    body = form_of(WHEEL)
    connection = node.begin("/legacy/", {"Content-Length": str(len(body))})
    connection.send(body[:-30])
    node.chain.advance(61)
    assert connection.reply("POST").status == 408
    node.assert_holds()


def test_full_store_is_told_and_nothing_kept() -> None:
    node = PublishingNode()
    full = node.node.files = MemoryFiles(room_bytes=len(WHEEL.content) - 1)
    node.node.start()
    assert node.publish(WHEEL).status == 507
    assert node.filenames() == 404
    assert list(full.all()) == []
    node.node.files = MemoryFiles(room_bytes=ROOM_BYTES)
    node.node.start()
    assert node.publish(WHEEL).status == 200


def test_no_file_is_read_twice_to_answer_that_it_is_there() -> None:
    """The second time its archive is not looked into: what stands on the page was."""
    node = PublishingNode()
    node.publish(SDIST)
    assert node.send("/uploadpackage/", form([], SDIST.filename, SDIST.content, "sdist")).status == 200
    node.assert_holds(SDIST)


# -- the nodes below ----------------------------------------------------------------------------------------------


def test_nodes_below_have_an_upload_at_once_although_it_was_known_absent() -> None:
    node = PublishingNode()
    laptop = node.chain.node("laptop", "server", ORIGIN)
    for one in (node.node, laptop):
        one.follow()
    assert laptop.page("acme-tools").status == 404
    node.publish(WHEEL)
    node.chain.settle()
    paths = laptop.files_of("acme-tools")
    assert laptop.get(paths[WHEEL.filename]).body == WHEEL.content
    assert laptop.get(paths[WHEEL.filename] + ".metadata").status == 200
    for one in (laptop, node.node):
        one.stop()
