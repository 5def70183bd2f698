"""Who may reach the page, and with how much."""

import socket

import pytest

pytest.importorskip("gradio", reason="the extra demo is not installed")
import gradio as gr
from starlette.testclient import TestClient

from regattn_fairseq.demo import server
from regattn_fairseq.runs.errors import PipelineError


def client(host: str) -> TestClient:
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Markdown("hello")
    return TestClient(server.application(page, host), base_url="http://127.0.0.1:7860")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback(host):
    assert server.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_no_loopback(host):
    assert not server.is_loopback(host)


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:7860", ""])
def test_a_request_to_another_name_is_refused(name):
    bound = client("127.0.0.1")
    for path in ("/", "/config", "/gradio_api/info"):
        assert bound.get(path, headers={"Host": name}).status_code == 400
    assert bound.post("/gradio_api/queue/join", headers={"Host": name}).status_code == 400


@pytest.mark.parametrize("name", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860"])
def test_a_request_to_a_loopback_name_is_answered(name):
    assert client("127.0.0.1").get("/", headers={"Host": name}).status_code == 200


def test_open_to_others_any_name_will_do():
    assert client("0.0.0.0").get("/", headers={"Host": "gpu7.lab"}).status_code == 200


def test_nothing_is_fetched_from_elsewhere():
    policy = client("127.0.0.1").get("/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self' ")
    assert "http" not in policy


def test_a_large_body_is_refused():
    answer = client("127.0.0.1").post(
        "/gradio_api/queue/join",
        content=b"[" + b"1," * server.MAX_BODY_BYTES,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PipelineError, match=f"port={port}.*port=0"):
            server.listen("127.0.0.1", port)
    with pytest.raises(PipelineError, match="host=nowhere"):
        server.listen("nowhere.invalid", 0)
    with pytest.raises(PipelineError, match="port=99999"):
        server.listen("127.0.0.1", 99999)
