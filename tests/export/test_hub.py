"""The way to the hub, against a server on this machine that answers what the hub's interface answers."""

from __future__ import annotations

import hashlib
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from export import hub
from export.checkpoint import open_checkpoint
from results.errors import CheckpointError
from tests.export.conftest import SMALL, CheckpointMaker, random_tensors
from tests.export.test_weight_files import INDEX, PARTS, split

NEWEST = "f" * 40
PINNED = hub.DEFAULT_REVISION + "1" * 33
API = f"/api/models/{hub.DEFAULT_CHECKPOINT}"


class StandIn(http.server.BaseHTTPRequestHandler):
    """A repository with two commits, of which the older one is pinned; serves files of that one only."""

    folder: Path
    asked: list[str]

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def answer(self, *, body: bool) -> None:
        path = self.path.split("?", 1)[0]
        self.asked.append(path)
        files = sorted(self.folder.iterdir())
        at_pinned = path.startswith(f"/{hub.DEFAULT_CHECKPOINT}/resolve/{PINNED}/")
        content: bytes | None = None
        if path == API or path.startswith(f"{API}/revision/"):
            sha = NEWEST if path == API else path.rsplit("/", 1)[1]
            siblings = [{"rfilename": file.name} for file in files]
            content = json.dumps({"id": hub.DEFAULT_CHECKPOINT, "sha": sha, "siblings": siblings}).encode()
        elif path.startswith(f"{API}/tree/{PINNED}"):
            entries = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": "0" * 40}
                for file in files
            ]
            content = json.dumps(entries).encode()
        elif path.startswith(f"{API}/commits/"):
            commits = [
                {"id": commit, "title": "", "message": "", "authors": [], "date": "2022-01-01T00:00:00.000Z"}
                for commit in (NEWEST, PINNED)
            ]
            content = json.dumps(commits).encode()
        elif at_pinned and (self.folder / path.rsplit("/", 1)[1]).is_file():
            content = (self.folder / path.rsplit("/", 1)[1]).read_bytes()
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        if content is not None:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", PINNED)
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def asked(
    tmp_path: Path, make_checkpoint: CheckpointMaker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The paths that the stand-in is asked for, while it runs."""
    from huggingface_hub import constants

    StandIn.folder, StandIn.asked = make_checkpoint(), []
    (StandIn.folder / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    (StandIn.folder / "pytorch_model.bin").write_bytes(b"not wanted")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            constants.ENDPOINT + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield StandIn.asked
        server.shutdown()


def test_the_pinned_commit_is_found_fetched_and_then_kept(asked: list[str]) -> None:
    """Only the beginning of the commit is known; a newer commit must not slip in, nor a second download."""
    assert hub.default_checkpoint() == hub.DEFAULT_CHECKPOINT
    opened = open_checkpoint(hub.DEFAULT_CHECKPOINT)
    assert (opened.weights.kind, opened.weights.revision) == ("hub", PINNED)
    assert opened.config == SMALL
    assert opened.vocab_path is not None
    assert not any("pytorch_model.bin" in path for path in asked)
    asked.clear()
    assert open_checkpoint(hub.DEFAULT_CHECKPOINT).weights == opened.weights
    assert asked == []


def test_a_single_file_that_is_absent_is_none(asked: list[str]) -> None:
    """The pairs and the vocabulary are single files; one that is not there must not end the run."""
    found = hub.find_file(hub.DEFAULT_CHECKPOINT, "vocab.txt", repo_type="model")
    assert found is None  # the stand-in has files at the pinned commit only, not on the main branch
    assert any(path.endswith("/resolve/main/vocab.txt") for path in asked)


def test_a_commit_that_is_not_there_is_an_error(asked: list[str]) -> None:
    """A rewritten history must not be answered with whatever is newest."""
    with pytest.raises(CheckpointError, match="0 of the 2 commits"):
        open_checkpoint(f"{hub.DEFAULT_CHECKPOINT}@abcdef0")


def test_an_unknown_repository_is_an_error(asked: list[str]) -> None:
    """A mistyped name is answered with 404, which looks like no network to the careless."""
    with pytest.raises(CheckpointError, match="the hub does not give it"):
        open_checkpoint("owner/nothing")


def _only_pickled() -> None:
    torch = pytest.importorskip("torch", reason="the file is PyTorch's own")
    tensors = {name: torch.from_numpy(tensor) for name, tensor in random_tensors(SMALL).items()}
    torch.save(tensors, StandIn.folder / "pytorch_model.bin")
    (StandIn.folder / "model.safetensors").unlink()


def test_weights_of_pytorch_are_fetched_where_there_are_no_others(asked: list[str]) -> None:
    """Older repositories have nothing else; and what was fetched once is enough offline."""
    _only_pickled()
    opened = open_checkpoint(hub.DEFAULT_CHECKPOINT)
    assert opened.config == SMALL
    assert any(path.endswith("/pytorch_model.bin") for path in asked)
    asked.clear()
    assert open_checkpoint(hub.DEFAULT_CHECKPOINT).weights == opened.weights
    assert asked == []


def test_safetensors_are_fetched_where_pytorch_is_missing(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may have left the pickle alone in the cache, and it cannot be read here."""
    whole = open_checkpoint(hub.DEFAULT_CHECKPOINT)
    assert whole.folder is not None
    (whole.folder / "model.safetensors").unlink()
    (whole.folder / "pytorch_model.bin").write_bytes(b"never read")
    monkeypatch.setitem(sys.modules, "torch", None)
    with monkeypatch.context() as offline:
        offline.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(CheckpointError, match="PyTorch only"):
            open_checkpoint(hub.DEFAULT_CHECKPOINT)
    assert open_checkpoint(hub.DEFAULT_CHECKPOINT).weights == whole.weights


def test_only_the_parts_of_the_chosen_form_are_fetched(asked: list[str]) -> None:
    """An index is fetched with its parts, and without the same weights in another form."""
    split(StandIn.folder)
    assert open_checkpoint(hub.DEFAULT_CHECKPOINT).config == SMALL
    fetched = {path.rsplit("/", 1)[1] for path in asked if "/resolve/" in path}
    assert fetched == {"config.json", "vocab.txt", INDEX, *PARTS}


def test_parts_that_did_not_all_arrive_are_fetched_again(asked: list[str]) -> None:
    """An interrupted download leaves an index and some of its parts in the cache."""
    split(StandIn.folder)
    open_checkpoint(hub.DEFAULT_CHECKPOINT)
    cached = hub.find_cached(hub.DEFAULT_CHECKPOINT, PINNED)
    assert cached is not None
    (cached / PARTS[0]).unlink()
    assert hub.find_cached(hub.DEFAULT_CHECKPOINT, PINNED) is None
    assert open_checkpoint(hub.DEFAULT_CHECKPOINT).config == SMALL


def test_a_repository_without_such_weights_is_refused_before_a_download(asked: list[str]) -> None:
    """Its files may be gigabytes, and none of them can be read."""
    (StandIn.folder / "model.safetensors").rename(StandIn.folder / "tf_model.h5")
    (StandIn.folder / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match=r"It holds tf_model\.h5, which this project does not read"):
        open_checkpoint(hub.DEFAULT_CHECKPOINT)
    assert not any("/resolve/" in path for path in asked)
