"""Files in the object stores that the installation names: looked up, read in pieces, written, by address.

Addresses come from people. One is followed only beneath an address in ``ICSSN_STORES``; where none is named, no host is
ever asked for anything.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from icssn import environment
from icssn.errors import MissingPartError, StoreError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_SCHEMES = ("https", "http", "s3")
_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}  # of a request
_RETRY: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}


@dataclass(frozen=True)
class Found:
    """What a store says of a file.

    Attributes:
        version: Its ETag, or else the time of its last change with its size; another one means other bytes.
        size_bytes: Of the whole file.
    """

    version: str
    size_bytes: int


def is_address(text: str) -> bool:
    """Tell the address of a file in a store from a path."""
    return "://" in text


def require_installed() -> None:
    """Check that stores can be reached from this installation.

    Raises:
        MissingPartError: What reaches them is not installed.
    """
    if importlib.util.find_spec("obstore") is None:
        raise MissingPartError("obstore, which reaches stores", remedy="Install it: pip install obstore")


def require_usable(root: str) -> None:
    """Check that an address can be that of a store; whether it answers is not asked.

    Raises:
        StoreError: It is not written as a store's address is.
        MissingPartError: What reaches stores is not installed.
    """
    if _plain(root) is None:
        raise StoreError(
            root,
            found="it is not the address of a store, such as s3://BUCKET/FOLDER or https://HOST/FOLDER",
            remedy="Correct ICSSN_STORES.",
        )
    _connected(root)


def look_up(address: str) -> Found:
    """Ask what a file is, without reading it.

    Raises:
        StoreError: No store that is named holds the address, or the store does not give the file.
        MissingPartError: What reaches stores is not installed.
    """
    store, key = _place(address)
    with _told(address):
        import obstore

        return _found(obstore.head(store, key))


def read(address: str, begin: int, end: int, *, version: str) -> bytes:
    """Read the bytes from `begin` up to `end` of a file that must still be of a version; raises as `look_up`."""
    store, key = _place(address)
    with _told(address):
        import obstore

        strong = version.startswith('"')  # If-Match never holds for a weak ETag
        wanted: Any = {"range": (begin, end)} | ({"if_match": version} if strong else {})
        given = obstore.get(store, key, options=wanted)
        if _found(given.meta).version != version:
            raise changed(address)
        return bytes(given.bytes())


def fetch(address: str) -> bytes | None:
    """Give all bytes of a small file, or None when there is none; raises as `look_up`."""
    store, key = _place(address)
    with _told(address):
        import obstore

        try:
            return bytes(obstore.get(store, key).bytes())
        except FileNotFoundError:
            return None


def put(address: str, data: bytes) -> None:
    """Write a file, whole or not at all; an earlier one goes. Raises as `look_up`."""
    store, key = _place(address)
    with _told(address):
        import obstore

        obstore.put(store, key, data)


def remove_beneath(address: str) -> None:
    """Remove all files whose address goes on after this one with a slash; raises as `look_up`."""
    store, key = _place(address)
    with _told(address):
        import obstore

        for found in obstore.list(store, key):
            obstore.delete(store, [item["path"] for item in found])


def changed(address: str) -> StoreError:
    """Build the refusal of a file that is not the one that was added."""
    return StoreError(
        address,
        found="it is another file in its store now than when it was added",
        remedy="Add it under another name: what was drawn on the old one may not fit it.",
    )


def _place(address: str) -> tuple[ObjectStore, str]:
    """Give the store that holds an address, and the file's key in it.

    Raises:
        StoreError: There is no such store, or the address is no plain one.
        MissingPartError: What reaches stores is not installed.
    """
    plain = _plain(address)
    for root in environment.stores():
        beneath = _plain(root)
        if plain is not None and beneath is not None and plain.startswith(beneath.rstrip("/") + "/"):
            return _connected(root), plain.removeprefix(beneath.rstrip("/") + "/")
    raise StoreError(
        address,
        found="it lies in no store that this installation names",
        remedy="Have the store's address added to ICSSN_STORES where ICSSN runs, or give a file of that machine.",
    )


def _plain(address: str) -> str | None:
    """Give an address in one way of writing; None where it could lead elsewhere than it seems to."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        return None
    path = parts.path if parts.scheme == "s3" else unquote(parts.path)
    steps = path.strip("/").split("/")
    if any(step in (".", "..") or "\\" in step or not step.isprintable() for step in steps) or "" in steps[:-1]:
        return None
    return f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}/{path.strip('/')}"


@functools.lru_cache(maxsize=16)
def _connected(root: str) -> ObjectStore:
    """Open a store; what more it needs, such as AWS_ACCESS_KEY_ID or AWS_ENDPOINT_URL, comes from the environment."""
    require_installed()
    from obstore.store import HTTPStore, S3Store

    kind = S3Store if root.startswith("s3:") else HTTPStore
    clear = not root.startswith("https:")  # S3 is asked in the clear only where its endpoint is named so
    return kind.from_url(root, client_options={**_CLIENT, "allow_http": clear}, retry_config=_RETRY)


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Say in our words what a store answers."""
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError as err:
        raise StoreError(address, found="its store has no such file", remedy="Check the address.") from err
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as err:
        raise StoreError(
            address,
            found="its store refuses access",
            remedy="Have the credentials checked where ICSSN runs (such as AWS_ACCESS_KEY_ID).",
        ) from err
    except exceptions.PreconditionError as err:
        raise changed(address) from err
    except exceptions.NotSupportedError as err:
        raise StoreError(
            address,
            found="its store gives whole files only (no HTTP ranges)",
            remedy="Download it and add the file.",
        ) from err
    except (exceptions.BaseError, OSError, ValueError) as err:
        reason = str(err).splitlines()[0][:200]
        raise StoreError(
            address, found=f"its store gave no answer ({reason})", remedy="Check the network, then try again."
        ) from err


def _found(said: Any) -> Found:
    when = said["last_modified"].isoformat()
    return Found(said["e_tag"] or f"{when} {said['size']}", said["size"])
