"""Where a cluster is not: one clear error for each wrong address, before anything is done for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmark.cli import call
from benchmark.listener import Listener
from benchmark.workers.cluster import join
from results.errors import ConfigError, WorkersLost
from tests.benchmark.cluster.dask_cluster import DaskCluster, wait_for


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler, and a worker, which is no scheduler."""
    with DaskCluster(tmp_path_factory.mktemp("address") / "cluster") as made:
        made.add()
        wait_for(lambda: made.state()["workers"] == 1)
        yield made


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tpc://127.0.0.1:8786", 'no protocol "tpc". Did you mean tcp?'),
        ("127.0.0.1:8786", "does not say by which protocol"),
        ("tcp://127.0.0.1", "is no address of a scheduler"),
        ("tcp://127.0.0.1:123456", "is no address of a scheduler"),
        ("tcp://[::1:8786", "is no address of a scheduler"),
        ("tcp://no-such-host.invalid:8786", 'there is no host "no-such-host.invalid"'),
        ("tcp://127.0.0.1:1", "nothing answers there"),
    ],
)
def test_a_wrong_address(
    own_folder: None, capfd: pytest.CaptureFixture[str], address: str, said: str
) -> None:
    """Found before a checkpoint is opened, so before minutes of export."""
    began = time.monotonic()
    assert call(["accuracy", "--checkpoint", "seeded", "--scheduler", address]) in (2, 4)
    assert time.monotonic() - began < 4
    err = capfd.readouterr().err
    assert said in err
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_what_is_no_scheduler(cluster: DaskCluster, capfd: pytest.CaptureFixture[str]) -> None:
    """A server of another protocol, a silent one, and a worker: one clear error each, and no noise."""
    with socket.create_server(("127.0.0.1", 0)) as loud, socket.create_server(("127.0.0.1", 0)) as silent:

        def greet() -> None:
            for _ in range(2):  # the knock, and the client
                accepted, _ = loud.accept()
                accepted.sendall(b"SSH-2.0-OpenSSH_9.2 and so on\r\n")
                accepted.close()

        threading.Thread(target=greet, daemon=True).start()
        worker = next(line.split()[-1] for line in cluster.said().splitlines() if "Start worker at:" in line)
        for address in (
            f"tcp://127.0.0.1:{loud.getsockname()[1]}",
            f"tcp://127.0.0.1:{silent.getsockname()[1]}",
            worker,
        ):
            began = time.monotonic()
            answer = f"listens at {address} does not answer as a Dask scheduler"
            with pytest.raises(WorkersLost, match=answer):
                join(address, Listener())
            assert time.monotonic() - began < 8
    assert capfd.readouterr().err == ""


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is optional, and its absence no traceback."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        join("tcp://127.0.0.1:8786", Listener())
    assert 'pip install "mobilebert-bench[cluster]"' in caught.value.next_step
