"""Only files of the stores that are named are asked for, and only the version that was added is given."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from typing import Any

import pytest

from icssn import stores
from icssn.errors import MissingPartError, StoreError
from icssn.imagery.open import inspect_in_child, raster_at
from tests.object_stores import S3, Web


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[str, bytes], str]:
    """Give what puts a file into a bucket of this test, beneath the prefix that is named; gives its address."""
    name = f"b-{abs(hash(request.node.name))}"
    s3.bucket(name)
    monkeypatch.setenv("ICSSN_STORES", f"https://other.example/, s3://{name}/valley")

    def put(key: str, data: bytes) -> str:
        s3.client.put_object(Bucket=name, Key=key, Body=data)
        return f"s3://{name}/{key}"

    return put


def refusal(doing: Callable[..., Any], *given: Any, **named: Any) -> str:
    with pytest.raises(StoreError) as caught:
        doing(*given, **named)
    return str(caught.value)


def test_a_file_is_looked_up_and_read_in_pieces(bucket: Callable[[str, bytes], str]) -> None:
    address = bucket("valley/2024/a b 影像.tif", bytes(range(200)))
    found = stores.look_up(address)
    assert found.size_bytes == 200
    assert stores.read(address, 50, 60, version=found.version) == bytes(range(50, 60))
    assert stores.read(address, 190, 400, version=found.version) == bytes(range(190, 200))


def test_another_version_is_never_read(bucket: Callable[[str, bytes], str]) -> None:
    address = bucket("valley/scene.tif", b"as it was added")
    before = stores.look_up(address)
    bucket("valley/scene.tif", b"as it was changed")
    assert "another file in its store now" in refusal(stores.read, address, 0, 4, version=before.version)


def test_a_server_without_conditions_gives_no_other_version_either(web: Web) -> None:
    file = web.folder / "scene.tif"
    file.write_bytes(b"as it was added")
    before = stores.look_up(f"{web.url}/scene.tif")
    assert stores.read(f"{web.url}/scene.tif", 3, 5, version=before.version) == b"it"
    file.write_bytes(b"as it was changed")
    assert "another file in its store now" in refusal(stores.read, f"{web.url}/scene.tif", 0, 4, version=before.version)


@pytest.mark.parametrize(
    "address",
    [
        "s3://{bucket}/elsewhere/scene.tif",
        "s3://{bucket}/valley-two/scene.tif",
        "s3://{bucket}/valley/../elsewhere/scene.tif",
        "s3://{bucket}/valley//scene.tif",
        "s3://{bucket}/valley",
        "s3://another/valley/scene.tif",
        "http://other.example/scene.tif",
        "https://other.example@169.254.169.254/scene.tif",
        "https://other.example/%2e%2e/scene.tif",
        "https://other.example/scene.tif?versionId=1",
        "https://other.example:444/scene.tif",
        "https://other.example:port/scene.tif",
        "file:///etc/passwd",
        "gs://other.example/scene.tif",
        "://",
    ],
)
def test_what_lies_beneath_no_named_store_is_not_asked_for(
    bucket: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    name = bucket("valley/scene.tif", b"something").split("/")[2]

    def never(root: str) -> None:
        raise AssertionError(f"{root} was opened")

    monkeypatch.setattr(stores, "_connected", never)  # through which alone a store is reached
    told = refusal(stores.look_up, address.format(bucket=name))
    assert "lies in no store that this installation names." in told
    assert "ICSSN_STORES" in told


def test_where_no_store_is_named_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ICSSN_STORES", raising=False)
    assert "no store that this installation names." in refusal(stores.look_up, "https://other.example/scene.tif")


def test_what_is_not_there_is_said(web: Web) -> None:
    assert "has no such file" in refusal(stores.look_up, f"{web.url}/scene.tif")


def test_a_store_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        root = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    monkeypatch.setenv("ICSSN_STORES", root)
    told = refusal(stores.look_up, f"{root}/scene.tif")
    assert "gave no answer" in told
    assert "Debug" not in told


def test_a_missing_package_is_said(bucket: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    address = bucket("valley/scene.tif", b"something")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="pip install obstore"):
        stores.look_up(address)
    with pytest.raises(MissingPartError, match="pip install obstore"):
        inspect_in_child(raster_at(address))


def test_small_files_are_put_fetched_and_removed(bucket: Callable[[str, bytes], str], s3: S3) -> None:
    name = bucket("valley/stays", b"").split("/")[2]
    stores.put(f"s3://{name}/valley/job/1", b"one")
    stores.put(f"s3://{name}/valley/job/1", b"one again")
    stores.put(f"s3://{name}/valley/job/2", b"two")
    assert stores.fetch(f"s3://{name}/valley/job/1") == b"one again"
    assert stores.fetch(f"s3://{name}/valley/job/3") is None
    stores.remove_beneath(f"s3://{name}/valley/job")
    assert s3.keys(name) == ["valley/stays"]


@pytest.mark.parametrize("root", ["ftp://survey/imagery", "survey/imagery", "https://survey.example/a?token=1"])
def test_a_root_that_is_no_stores_address_is_said(root: str) -> None:
    assert "Correct ICSSN_STORES" in refusal(stores.require_usable, root)
    stores.require_usable("s3://survey/imagery/")
    stores.require_usable("https://survey.example/cogs")
