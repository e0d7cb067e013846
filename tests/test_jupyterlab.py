"""A notebook opened in JupyterLab in a real browser, as an analyst sees it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "01_labeling.ipynb"
TOKEN = "only-for-this-test"
# All cells drawn at once (windowing hides those below the fold), and no kernel: it stands executed.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab that knows nothing of this machine's own settings."""
    pytest.importorskip("jupyterlab")
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
               "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")  # fmt: skip
    own = {name: str(tmp_path / name.lower()) for name in folders}
    for name, said in SETTINGS.items():
        path = Path(own["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", f"{name}.jupyterlab-settings")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said))
    (tmp_path / "root").mkdir()
    shutil.copy(NOTEBOOK, tmp_path / "root")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path / 'root'}", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    server = subprocess.Popen(
        command, env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api?token={TOKEN}", server)
        yield address
    finally:
        server.kill()  # it holds nothing worth a tidy end
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.5)
    raise AssertionError("JupyterLab did not start")


@pytest.mark.slow
@pytest.mark.browser
def test_a_committed_notebook_shows_its_tables_and_pictures(lab, browser):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lab}/lab/tree/{NOTEBOOK.name}?reset&token={TOKEN}")
    page.wait_for_selector(".jp-NotebookPanel .jp-RenderedHTMLCommon table", timeout=120_000)
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.jp-OutputArea-output img')];"
        " return all.length > 0 && all.every(image => image.naturalWidth > 0); }",
        timeout=60_000,
    )
    errors = page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count()
    page.close()
    assert errors == 0
    # an analyst's machine may be cut off from the world
    outside = [url for url in asked if not url.startswith((lab, lab.replace("http", "ws"), "data:", "blob:"))]
    assert outside == []
