"""Object stores that run on this machine: an S3 server, and a web server that gives parts of files."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class S3:
    """A running S3 server and a client of its own, so that what is seen there is not what ICSSN says of itself."""

    endpoint: str
    client: Any

    def bucket(self, name: str) -> None:
        self.client.create_bucket(Bucket=name)

    def empty(self, name: str) -> None:
        for key in self.keys(name):
            self.client.delete_object(Bucket=name, Key=key)

    def keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


@contextmanager
def s3_server() -> Iterator[S3]:
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    secrets = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests", "region_name": "us-east-1"}
    try:
        yield S3(endpoint, boto3.client("s3", endpoint_url=endpoint, **secrets))
    finally:
        server.stop()


@dataclass
class Web:
    """A web server of a folder, and how often it was asked."""

    url: str
    folder: Path
    asked: int = 0
    sent_bytes: int = 0


@contextmanager
def web_server(folder: Path) -> Iterator[Web]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    web = Web(f"http://127.0.0.1:{port}/files", folder)
    files = Starlette(routes=[Mount("/files", StaticFiles(directory=folder))])

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            web.sent_bytes += len(message.get("body", b""))
            await send(message)

        web.asked += scope["type"] == "http"
        await files(scope, receive, sending)

    server = uvicorn.Server(uvicorn.Config(counting, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield web
    finally:
        server.should_exit = True
        thread.join()
