"""action.yml, step by step as GitHub runs it: what it calls, what it leaves, and how it ends."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from export.artifact import build
from export.checkpoint import open_checkpoint
from results.claims import load_claims
from results.encode import encode
from results.history.summary import summarize_run
from results.recompute import conclude
from results.store import RunStore
from results.verdict import judge
from tests.benchmark.github_runner import GITHUB, Ran, Runner, environment
from tests.benchmark.small import EXAMPLE, QUICK
from tests.results.make_run import make_run

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
BIN = Path(sys.executable).parent
# A tag can be moved to other code; a commit cannot.
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
UPLOAD = "actions/upload-artifact"
# Words that a shell or GitHub would act on, were they ever part of a script or of an unguarded value.
HOSTILE = "a b'\"$(touch pwned)`touch pwned`;touch pwned\n::error::pwned\nstatus=pwned ${HOME} *"
# Stands in for the harness: notes its arguments, says what a device might, ends with the code of its command.
STUB = """#!/bin/bash
printf '%s\\0' "$@" >> "$CALLS"; printf '\\n\\0' >> "$CALLS"
printf 'Pixel\\n::error::from the device\\n'
for word in "$@"; do
    case $word in --output=*) runs=${word#*=} ;; --to=*) to=${word#*=} ;; esac
done
case $1 in
    run) if [ -n "$STUB_VERDICT" ]; then
             mkdir "$runs/0001"
             cd "$runs/0001"
             touch report.txt summary.json
             echo "::notice::from the report" > annotations.txt
             { echo "# the run"; head -c "$STUB_BYTES" /dev/zero | tr '\\0' x; } > report.md
             printf %s "$STUB_VERDICT" > verdict.json
         fi
         exit "$STUB_RUN" ;;
    gate) [ -z "$to" ] || echo "# the gate" > "$to"
          case $* in *--format=markdown*) exit "$STUB_GATE" ;; esac ;;
esac
"""
VERDICT = {"verdict": {"status": "reproduced"}, "overall": {"sentence": "fine:\nstatus=pwned"}}


@pytest.fixture
def action(tmp_path: Path) -> Path:
    """The action's folder as GitHub checks it out, its venv ready; commands are this environment's."""
    folder = tmp_path / "the action"
    (folder / ".venv").mkdir(parents=True)
    for name in ("action.yml", ".ci", "requirements", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv/bin").symlink_to(BIN)
    lock = f"requirements/run-py{sys.version_info.major}{sys.version_info.minor}.txt"
    inputs = (lock, "requirements/torch.txt", "pyproject.toml")
    state = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in inputs)).hexdigest()
    (folder / ".venv/.ready-run").write_text(state + "\n")
    return folder


@pytest.fixture
def stubbed(action: Path, tmp_path: Path) -> Callable[..., tuple[Ran, list[list[str]]]]:
    """Run the action with the stub in the harness's place; gives what it left, and the stub's calls."""
    (action / ".venv/bin").unlink()
    (action / ".venv/bin").mkdir()
    (action / ".venv/bin/python").symlink_to(sys.executable)
    (action / ".venv/bin/mobilebert-bench").write_text(STUB)
    (action / ".venv/bin/mobilebert-bench").chmod(0o755)
    calls = tmp_path / "calls"

    def call(
        *, run: int = 0, gate: int = 0, report_bytes: int = 9, judged: bool = True, **inputs: str
    ) -> tuple[Ran, list[list[str]]]:
        stub = {
            "STUB_RUN": str(run),
            "STUB_GATE": str(gate),
            "STUB_BYTES": str(report_bytes),
            "CALLS": str(calls),
        }
        stub["STUB_VERDICT"] = json.dumps(VERDICT) if judged else ""
        calls.write_bytes(b"")
        runner = Runner(action=action, folder=tmp_path, environment=environment(**stub))
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        ran = runner.run({"python": sys.executable, "gate": "true", **given})
        lists = calls.read_text().split("\0\n\0")[:-1]
        return ran, [words.split("\0") for words in lists]

    return call


def test_the_action_is_one() -> None:
    """GitHub refuses an action of the wrong form only where somebody uses it."""
    argv = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = ACTION.read_text(encoding="utf-8")
    assert all(PINNED.fullmatch(used) for used in re.findall(r"uses: (.+)", text))


def test_the_documented_workflows_are_some(tmp_path: Path) -> None:
    """An example is what people start from: GitHub's own form, our inputs and outputs, pinned actions."""
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    texts = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/ci.md").read_text(encoding="utf-8"), re.DOTALL)
    files = [tmp_path / f"{number}.yml" for number in range(len(texts))]
    assert len(files) == 2
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
        (job,) = yaml.safe_load(text)["jobs"].values()
        (ours,) = (step for step in job["steps"] if step.get("uses") == "OWNER/mobilebert-bench@COMMIT")
        assert set(ours["with"]) <= set(action["inputs"])
        assert all(isinstance(value, str) for value in ours["with"].values()), "true is not 'true'"
        assert set(re.findall(r"steps\.bench\.outputs\.([\w-]+)", text)) <= set(action["outputs"])
        others = [used for used in re.findall(r"uses: (.+)", text) if not used.startswith("OWNER/")]
        assert all(PINNED.fullmatch(used) for used in others)
    argv = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_input_is_documented() -> None:
    """docs/ci.md says what each is and what it is by default."""
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    table = (ROOT / "docs/ci.md").read_text(encoding="utf-8").partition("## Inputs")[2]
    rows = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([\w-]+)`", " ".join(rows))) == set(action["inputs"])
    assert set(action["outputs"]) <= set(re.findall(r"`([\w-]+)`", table.partition("Outputs:")[2]))


def test_no_step_holds_what_others_wrote() -> None:
    """An expression within a script is replaced before the shell reads it: its value is code."""
    steps = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) == 5
    for script in scripts:
        (name,) = re.fullmatch(r'"\$GITHUB_ACTION_PATH/\.ci/action/(\w+)"', script).groups()
        done = subprocess.run(["bash", "-n", ROOT / ".ci/action" / name], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


def test_words_arrive_as_they_were_given(stubbed: Callable, tmp_path: Path) -> None:
    """Spaces, quotes, substitutions and newlines stay within one argument, and nothing in them is run."""
    given = {name: f"{name} {HOSTILE}" for name in ("commit", "levels", "across", "threshold")}
    words = "--quick --pairs 'my pairs.tsv' \"$HOME\" *\n--slice 20"
    ran, calls = stubbed(
        args=words, device=HOSTILE, output="my runs\nstatus=pwned", formats="html, junit", **given
    )
    assert ran.code == 0, ran.log
    run, gate = calls[0], calls[1]
    runs = tmp_path / "work/my runs\nstatus=pwned"
    assert run == [
        *("run", f"--device={HOSTILE}", f"--commit={given['commit']}", f"--output={runs}"),
        "--formats=markdown,annotations,html, junit",
        *("--quick", "--pairs", "my pairs.tsv", "$HOME", "*", "--slice", "20"),
    ]
    assert gate[:5] == [
        "gate",
        str(runs),
        *(f"--{name}={given[name]}" for name in ("levels", "across", "threshold")),
    ]
    assert (ran.outputs["run"], ran.outputs["status"]) == (f"{runs}/0001", "reproduced")
    assert not list(tmp_path.rglob("pwned"))


def test_a_device_gives_the_runner_no_commands(stubbed: Callable) -> None:
    """A phone's name in the log could mark a job as failed, or set what later steps read."""
    ran, _ = stubbed(run=1, history="kept")
    assert ran.log.count("::error::from the device") >= 4
    # Only what the harness makes for the runner; the gate that is asked for it here is the stub.
    assert ran.commands == ["::error::from the device", "::notice::from the report"]
    assert ran.outputs["verdict"] == "fine: status=pwned"
    assert ran.outputs["status"] == "reproduced"


def test_an_open_quote_is_a_wrong_call(stubbed: Callable) -> None:
    """Arguments that cannot be read must not become a run without them."""
    ran, calls = stubbed(args="--pairs 'my pairs.tsv")
    assert (ran.code, calls) == (2, [])
    assert "args: No closing quotation" in ran.log


@pytest.mark.parametrize(
    ("run", "gate", "inputs", "code", "outcome"),
    [
        (0, 0, {}, 0, "passed"),
        (0, 1, {}, 1, "failed"),
        (0, 3, {}, 0, "undecided"),
        (0, 3, {"allow_undecided": "false"}, 3, "undecided"),
        (0, 4, {}, 4, "error"),
        (0, 2, {"fail": "false"}, 2, "error"),
        (0, 1, {"fail": "false"}, 0, "failed"),
        (1, 0, {}, 1, "passed"),
        (3, 0, {}, 3, "passed"),
        (3, 1, {"fail": "false"}, 0, "failed"),
        (4, 0, {"fail": "false"}, 4, ""),
        (130, 0, {}, 130, ""),
    ],
)
def test_how_it_ends(
    stubbed: Callable, run: int, gate: int, inputs: dict[str, str], code: int, outcome: str
) -> None:
    """Judgements fail the job as its author asks, what could not be judged always; and both come last."""
    ran, _ = stubbed(run=run, gate=gate, **inputs)
    assert (ran.code, ran.outputs["gate"], ran.outputs["exit-code"]) == (code, outcome, str(run))
    assert ran.used[UPLOAD]["path"] == ran.outputs["run"]
    assert ran.summary.startswith("# the gate" if outcome not in ("", "error") else "# the ")


def test_where_nothing_was_measured_the_summary_says_so(stubbed: Callable) -> None:
    """No device: there is no run, so no artifact, and no gate that would judge yesterday's."""
    ran, calls = stubbed(run=4, judged=False)
    assert (ran.code, ran.outputs["run"], ran.outputs["gate"], ran.used) == (4, "", "", {})
    assert ran.summary == "**Could not measure: exit code 4.** The step's log says why.\n"
    assert [call[0] for call in calls] == ["run"]


def test_a_summary_stays_within_githubs_limit(stubbed: Callable) -> None:
    """GitHub drops all of a summary of more than 1 MiB; the gate's word must not go with a long report."""
    ran, _ = stubbed(report_bytes=1024 * 1024)
    assert ran.summary.startswith("# the gate\n")
    assert "report.md is too long for a summary; it is in the artifact." in ran.summary


def test_a_wheel_takes_the_checkouts_place(
    stubbed: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a wheel carries the device program to a runner that is not Debian."""
    wheel, info = tmp_path / "work/my wheels/stand_in-1-py3-none-any.whl", "stand_in-1.dist-info"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("stand_in.py", "")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: stand-in\nVersion: 1\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "installed"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    ran, _ = stubbed(wheel="my wheels/stand_in-1-py3-none-any.whl")
    assert ran.code == 0, ran.log
    assert (tmp_path / "installed/stand_in.py").exists()


def _history(folder: Path, medians_ms: list[float]) -> Path:
    """Summaries of a series but for its newest run, whose whole folder this gives."""
    for number, median_ms in enumerate(medians_ms):
        run = make_run(median_ms=median_ms, launches=5, inferences=30, accuracy=None, pairs=None)
        run = run.settings(commit=f"{number:02x}" * 20).change(
            run_id=f"{number:04d}", started_at=f"2026-11-{number + 1:02d}T10:00:00.000Z"
        )
        if number == len(medians_ms) - 1:
            store = RunStore.create(folder / "runs")
            run.change(run_id=store.run_id).save(store)
            conclude(store)
            return store.folder
        verdict = judge(run.record, run.samples, run.predictions, load_claims())
        (folder / f"history/{number}").mkdir(parents=True)
        (folder / f"history/{number}/summary.json").write_bytes(
            encode(summarize_run(run.record, run.samples, verdict))
        )
    raise ValueError("no run")


def _real(action: Path, tmp_path: Path, cache: Path) -> Runner:
    places = {"MOBILEBERT_BENCH_CACHE": str(cache), "ANDROID_USER_HOME": str(tmp_path / "android")}
    return Runner(action=action, folder=tmp_path, environment=environment(HF_HUB_OFFLINE="1", **places))


def test_a_job_on_this_machine(action: Path, tmp_path: Path, cache: Path, small_checkpoint: Path) -> None:
    """Everything for once: measured here, filed under its commit, the first of its history, and passed."""
    model = build(open_checkpoint(str(small_checkpoint)), "dynamic_int8", cache_dir=cache).folder
    data = ("--pairs", EXAMPLE / "pairs.tsv", "--vocab", EXAMPLE / "vocab.txt", "--threads", "1")
    inputs = {"command": "latency", "args": shlex.join(map(str, (model, *data, *QUICK)))}
    more = {"gate": "true", "history": "kept", "formats": "junit", "python": sys.executable}
    ran = _real(action, tmp_path, cache).run(inputs | more)
    assert ran.code == 0, ran.log
    run = tmp_path / "work/runs/0001"
    assert (ran.outputs["status"], ran.outputs["gate"]) == ("not_comparable", "undecided")
    assert ran.outputs["verdict"].startswith("not_comparable: host, not a phone")
    assert json.loads((run / "record.json").read_text())["settings"]["commit"] == GITHUB["sha"]
    (summary,) = (tmp_path / "work/kept").glob("*/summary.json")
    assert summary.read_bytes() == (run / "summary.json").read_bytes()
    assert ran.used == {UPLOAD: {"name": "mobilebert-bench", "path": str(run)}}
    for name in ("report.txt", "report.md", "junit.xml", "gate.md", "gate.html"):
        assert (run / name).stat().st_size > 0
    assert ran.summary == "".join((run / name).read_text() + "\n" for name in ("gate.md", "report.md"))
    assert "Of 1 series: 1 collecting." in ran.summary.splitlines()[0]
    assert all(re.match(r"::(error|warning|notice) title=", line) for line in ran.commands)


def test_a_slower_commit_fails_the_job(action: Path, tmp_path: Path, cache: Path) -> None:
    """What the gate is for: the job fails, and its summary says which commit it was."""
    runner = _real(action, tmp_path, cache)
    run = _history(runner.workspace, [61.0] * 9 + [66.0] * 4)
    done = {"setup": {}, "run": {"code": "0", "run": str(run), "measured": "true"}}
    inputs = {"gate": "true", "history": "history"}
    ran = runner.run(inputs, done=done)
    assert (ran.code, ran.outputs["gate"]) == (1, "failed"), ran.log
    assert ran.summary.startswith("**Verdict: Slower: float32 by 8.2 % since commit 090909090909")
    assert any(line.startswith("::error title=") for line in ran.commands)
    assert ran.used[UPLOAD]["path"] == str(run)
    kept = {path.parent.name for path in runner.workspace.glob("history/*/summary.json")}
    assert kept - {str(number) for number in range(12)} == {
        hashlib.sha256((run / "summary.json").read_bytes()).hexdigest()[:16]  # so a repeated job adds nothing
    }
