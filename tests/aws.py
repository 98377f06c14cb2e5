"""The stand-in for AWS that tests start: moto's server, out of the environment that runs the test."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stand_in(log: Path | None = None) -> Iterator[str]:
    """Runs the server, and gives its address; what it is asked goes to the log, a line a request."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = Path(sys.executable).with_name("moto_server")
    told = log.open("w") if log else subprocess.DEVNULL
    moto = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=told)
    try:
        wait_for(moto, f"{url}/moto-api/")
        yield url
    finally:
        moto.terminate()
        moto.wait()
        if log:
            told.close()


def wait_for(process: subprocess.Popen, url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("moto_server does not answer")
