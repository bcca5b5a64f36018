"""The gateways that ours is measured beside: nginx as it comes, LiteLLM in an environment of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from measure import HERE, Target, pin

LITELLM = HERE / "litellm"
_LITELLM_ENV = LITELLM / ".venv"
_UV = HERE.parent / ".uv" / "bin" / "uv"
_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000;
  upstream stub {{ server {upstream}; keepalive 1024; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://stub; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""
_LITELLM = """
model_list:
  - model_name: claude-haiku-4-5
    litellm_params: {{model: anthropic/claude-haiku-4-5, api_base: {upstream}, api_key: k}}
litellm_settings: {{num_retries: 0, telemetry: false}}
general_settings: {{master_key: sk-bench-5fd1c8a2e0b94d37}}
"""
LITELLM_KEY = "sk-bench-5fd1c8a2e0b94d37"


def has_nginx() -> bool:
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is not None


def is_litellm_ready() -> bool:
    """Whether LiteLLM is installed beside; installs it with uv where that is possible."""
    if (_LITELLM_ENV / "bin" / "litellm").exists():
        return True
    uv = shutil.which("uv") or (str(_UV) if _UV.exists() else None)
    if uv is None:
        return False
    words = [uv, "venv", "-q", "--python", sys.executable, str(_LITELLM_ENV)]
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(_LITELLM_ENV)]
    install += ["-r", str(LITELLM / "requirements.txt")]
    return not (subprocess.run(words).returncode or subprocess.run(install).returncode)


@contextmanager
def run_nginx(upstream: str, folder: Path) -> Iterator[Target]:
    """One nginx process that passes all on."""
    port = find_free_port()
    config = folder / "nginx.conf"
    address = upstream.removeprefix("http://")
    config.write_text(_NGINX.format(folder=folder, upstream=address, port=port))
    command = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert command
    with run_peer([command, "-c", str(config), "-p", str(folder)], port, 10) as target:
        yield target


@contextmanager
def run_litellm(upstream: str, folder: Path) -> Iterator[Target]:
    """One LiteLLM worker, no database, no retries."""
    port = find_free_port()
    config = folder / "litellm.yaml"
    config.write_text(_LITELLM.format(upstream=upstream))
    words = [str(_LITELLM_ENV / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
    with run_peer([*words, "--port", str(port), "--num_workers", "1"], port, 90) as target:
        yield target


@contextmanager
def run_peer(words: list[str], port: int, start_s: float) -> Iterator[Target]:
    """Start it, wait until it speaks HTTP, end it with the block."""
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    process = subprocess.Popen(
        pin(0, words),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for_http(url, start_s)
        yield Target(url, process.pid, LITELLM_KEY)
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_http(url: str, seconds: float) -> None:
    """Return once `url` gives any HTTP answer."""
    until = time.perf_counter() + seconds
    while True:
        try:
            with urlopen(Request(url, method="GET"), timeout=5):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            if time.perf_counter() > until:
                raise
            time.sleep(0.02)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
