"""The Hugging Face hub and its cache on this machine: where a pinned revision's files lie."""

from __future__ import annotations

import functools
import importlib.util
import logging
import re
import threading
from pathlib import Path

from export import weight_files
from results.errors import CheckpointError

_log = logging.getLogger(__name__)

DEFAULT_CHECKPOINT = "typeform/mobilebert-uncased-mnli"
# The hub takes branches, tags and whole commit hashes only; of this commit the beginning is known, so it is
# completed from the repository's own history (or the cache) before anything is fetched.
DEFAULT_REVISION = "7bde157"

_WANTED = ("config.json", "vocab.txt")
_BEGINNING = re.compile(r"[0-9a-f]{7,40}")
_PATIENCE_S = 3.0


def default_checkpoint() -> str:
    """The hub's checkpoint where the hub or its cache has it, else "seeded"; never slower than about 3 s."""
    if find_cached(DEFAULT_CHECKPOINT, DEFAULT_REVISION) is not None:
        return DEFAULT_CHECKPOINT
    return DEFAULT_CHECKPOINT if reachable() else "seeded"


@functools.cache
def reachable() -> bool:
    """Whether the hub answers this process, asked once; False where the client is told to stay offline."""
    import huggingface_hub

    if huggingface_hub.is_offline_mode():
        return False
    answers: list[bool] = []

    def ask() -> None:
        try:
            huggingface_hub.HfApi().model_info(DEFAULT_CHECKPOINT, timeout=_PATIENCE_S)
            answers.append(True)
        except Exception as err:  # whatever the client's HTTP library raises, it means "not there"
            _log.debug("hub: %s: %s", DEFAULT_CHECKPOINT, err)

    # In a thread, because looking up a name has no time limit of its own.
    asking = threading.Thread(target=ask, name="hub", daemon=True)
    asking.start()
    asking.join(_PATIENCE_S)
    return bool(answers)


def find_file(repository: str, name: str, *, repo_type: str) -> Path | None:
    """One file of the hub, or of its cache; None where neither has it."""
    import huggingface_hub

    try:
        return Path(
            huggingface_hub.hf_hub_download(
                repository, name, repo_type=repo_type, local_files_only=not reachable()
            )
        )
    except Exception as err:  # the client passes on its HTTP library's errors, of whichever library
        _log.debug("hub: %s %s: %s", repository, name, err)
        return None


def find_cached(repository: str, revision: str | None) -> Path | None:
    """The cache's folder of this revision (a whole hash, its beginning, or a branch), if it is complete."""
    from huggingface_hub import constants

    home = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    wanted = revision or "main"
    named = home / "refs" / wanted
    commit = named.read_text(encoding="ascii").strip() if named.is_file() else wanted
    for folder in sorted(home.glob("snapshots/*")):
        if not folder.name.startswith(commit) or not (folder / "config.json").is_file():
            continue
        if weight_files.is_whole(folder):
            return folder
    return None


def fetch(repository: str, revision: str | None, *, allow_download: bool) -> Path:
    """A folder with the checkpoint's files, named by its commit; downloaded through the hub's cache.

    PyTorch's own weights are taken only where there are no safetensors. Raises: CheckpointError where neither
    cache nor hub has weights that can be read.
    """
    import huggingface_hub

    cached = find_cached(repository, revision)
    if cached is not None and (cached / "vocab.txt").is_file() and _readable(cached):
        return cached
    if not allow_download or huggingface_hub.is_offline_mode():
        if cached is not None:
            return cached
        raise CheckpointError(
            f"{repository} is not a folder here nor in the hub's cache, and nothing may be downloaded.",
            next_step='Allow downloads (unset HF_HUB_OFFLINE), name a local folder, or use "seeded".',
            repository=repository,
        )
    try:
        commit = _whole_commit(repository, revision)
        _log.info("fetching %s at %s from the hub", repository, commit)
        listed = huggingface_hub.HfApi().model_info(repository, revision=commit, timeout=_PATIENCE_S)
        names = [file.rfilename for file in listed.siblings or ()]
        chosen = weight_files.choose(names)
        if chosen is None:
            raise weight_files.missing(repository, names)
        wanted = [*_WANTED, *weight_files.with_parts(chosen, names)]
        return Path(huggingface_hub.snapshot_download(repository, revision=commit, allow_patterns=wanted))
    except CheckpointError:
        raise
    except Exception as err:  # the client passes on its HTTP library's errors, of whichever library
        if cached is not None:  # all but the vocabulary, which has other places to come from, or PyTorch
            return cached
        reason = str(err).strip().split("\n", 1)[0] or type(err).__name__
        raise CheckpointError(
            f"{repository} is not a folder here, and the hub does not give it: {reason}",
            next_step='Check the name and the network, name a local folder, or use "seeded".',
            repository=repository,
        ) from err


def _readable(folder: Path) -> bool:
    """Whether the weights of a folder can be read here; else the hub may have them as safetensors."""
    return not weight_files.needs_torch(folder) or importlib.util.find_spec("torch") is not None


def _whole_commit(repository: str, revision: str | None) -> str:
    from huggingface_hub import HfApi

    if revision is None or not _BEGINNING.fullmatch(revision):
        return str(HfApi().model_info(repository, revision=revision, timeout=_PATIENCE_S).sha)
    if len(revision) == 40:
        return revision
    # One question without the client's retries, which fails fast where there is no network.
    newest = str(HfApi().model_info(repository, timeout=_PATIENCE_S).sha)
    if newest.startswith(revision):
        return newest
    commits = [commit.commit_id for commit in HfApi().list_repo_commits(repository)]
    found = [commit for commit in commits if commit.startswith(revision)]
    if len(found) != 1:
        raise CheckpointError(
            f"{len(found)} of the {len(commits)} commits of {repository} begin with {revision}.",
            next_step=f"Name a whole commit: {repository}@<40 hexadecimal digits>.",
            repository=repository,
            revision=revision,
        )
    return found[0]
