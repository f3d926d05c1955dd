"""The bundles: what is in them, how they are found, and what is said when they cannot be built."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest

from android_runner.bundle import Bundle, device_bundle, host_bundle
from android_runner.native import build, compiler, debian, wheel
from android_runner.native.abi import ABIS, abi_named
from android_runner.native.pins import PackagePin, read_pins, sha256_of
from results.errors import AbiUnsupported, BundleUnavailable
from tests.android_runner import program
from tests.android_runner.program import arguments, samples_at
from tests.android_runner.qemu_user import inside_qemu
from tests.android_runner.tiny_model import LENGTH, python_logits, some_sequences, tiny_model


@functools.cache
def _device(abi: str) -> Bundle:
    return device_bundle(abi)


@pytest.fixture(params=[abi.name for abi in ABIS])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return _device(request.param)


def test_command_starts_through_the_bundles_own_loader() -> None:
    """A phone has no glibc: started in any other way, the program is not even found."""
    assert _device("arm64-v8a").command(["--threads", "4"]) == (
        "./ld-linux-aarch64.so.1 --library-path . ./runner --runtime ./libLiteRt.so --threads 4"
    )
    assert host_bundle().command([]) == "./runner --runtime ./libLiteRt.so"


def test_files_are_what_the_device_needs_and_no_more(bundle: Bundle) -> None:
    """Every file is pushed over a slow link; the licences stay with the folder."""
    assert bundle.loader is not None
    names = {file.name for file in bundle.files}
    assert names == {"runner", "libLiteRt.so", bundle.loader, *build._C_LIBRARIES}
    modes = {file.name: file.mode for file in bundle.files}
    assert modes["runner"] == modes[bundle.loader] == 0o755
    assert modes["libLiteRt.so"] == 0o644
    for file in bundle.files:
        assert sha256_of(bundle.folder / file.name) == file.sha256
        assert not (bundle.folder / file.name).is_symlink()


def test_libraries_are_for_the_right_processor(bundle: Bundle) -> None:
    """A loader picked up from this machine would run here, and nowhere else."""
    machine = {"arm64-v8a": 183, "x86_64": 62}[bundle.abi]  # ELF's e_machine
    for file in bundle.files:
        head = (bundle.folder / file.name).read_bytes()[:20]
        assert head[:4] == b"\x7fELF", file.name
        assert int.from_bytes(head[18:20], "little") == machine, file.name


def test_licences_travel_along(bundle: Bundle) -> None:
    """Copies of other people's libraries may be passed on with their licences only."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in (bundle.folder / "licenses").iterdir()}
    assert "GNU Lesser General Public License" in " ".join(texts["libc6.txt"].split())
    assert "Version 2.1" in texts["LGPL-2.1.txt"]
    for version in (2, 3):
        assert (
            f"GNU GENERAL PUBLIC LICENSE\n                       Version {version},"
            in texts[f"GPL-{version}.txt"]
        )
    assert "GCC RUNTIME LIBRARY EXCEPTION" in texts["gcc-12-base.txt"]
    assert "Apache License" in texts["ai-edge-litert.txt"]
    assert "Apache License" in texts["mobilebert-bench.txt"]


def test_record_names_what_is_in_it(bundle: Bundle) -> None:
    """The record's Program is what a reader can compare two runs by."""
    pins = read_pins(abi_named(bundle.abi))
    assert bundle.program.abi == bundle.abi
    assert (bundle.program.runtime, bundle.program.runtime_version) == ("ai-edge-litert", pins.litert)
    assert bundle.program.runtime_sha256 == pins.library_sha256
    assert bundle.program.program_sha256 == sha256_of(bundle.folder / "runner")


def test_bundle_is_found_again() -> None:
    """A second call builds nothing: it costs a hash of the files."""
    folder = _device("arm64-v8a").folder
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert device_bundle("arm64-v8a").folder == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_compiling_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """A program whose bytes change with each build cannot be named by its hash."""
    abi = abi_named("arm64-v8a")
    for name in ("first", "second"):
        compiler.compile_runner(abi, read_pins(abi).zig, tmp_path / name, cache=tmp_path / f"cache-{name}")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert sha256_of(tmp_path / "first") == _device(abi.name).program.program_sha256


def test_arm_bundle_computes_what_this_machine_does(tmp_path: Path) -> None:
    """The very files that a phone gets run here, under QEMU, and agree with the Python interpreter."""
    inside = inside_qemu(tmp_path)
    some_sequences(5).write(tmp_path / "rows.seq")
    model = tiny_model(LENGTH)
    words = arguments(model, tmp_path / "rows.seq", tmp_path / "out", threads=2, inferences=5)
    ended = program.start(_device("arm64-v8a"), words, inside=inside)
    assert (ended.exit_code, ended.stdout) == (0, "done warmup=0 timed=5\n"), ended.stderr
    samples = samples_at(tmp_path / "out")
    assert samples.abi == "aarch64"
    assert samples.runtime_sha256 == _device("arm64-v8a").program.runtime_sha256
    expected = python_logits(model, some_sequences(5))
    np.testing.assert_allclose(list(samples.logits.values()), expected, rtol=0, atol=1e-5)


def test_crash_inside_litert_is_told_as_one(tmp_path: Path) -> None:
    """LiteRT crashes where /proc/cpuinfo is another processor's; the program must not just vanish."""
    if platform.machine() != "x86_64":
        pytest.skip("needs an x86-64 machine")
    qemu = inside_qemu(tmp_path)[-3:]  # without the sandbox that shows an ARM one
    some_sequences().write(tmp_path / "rows.seq")
    words = arguments(tiny_model(LENGTH), tmp_path / "rows.seq", tmp_path / "out")
    ended = program.start(_device("arm64-v8a"), words, inside=qemu)
    assert (ended.exit_code, ended.said) == (
        6,
        ["error: inference: LiteRT crashed while compiling the model"],
    )
    assert not (tmp_path / "out").exists()


def test_x86_bundle_brings_its_own_libraries(tmp_path: Path) -> None:
    """Under its own loader nothing of this machine's C library is used, as on a phone."""
    if platform.machine() != "x86_64":
        pytest.skip("needs an x86-64 machine")
    some_sequences().write(tmp_path / "rows.seq")
    words = arguments(tiny_model(LENGTH), tmp_path / "rows.seq", tmp_path / "out")
    ended = program.start(_device("x86_64"), words)
    assert ended.exit_code == 0, ended.stderr
    listing = f"./{_device('x86_64').loader} --library-path . --list ./libLiteRt.so"
    listed = program.start(_device("x86_64"), [], inside=("sh", "-c", listing, "--"))
    assert listed.exit_code == 0
    assert "=> ./libc.so.6" in listed.stdout
    assert "=> /" not in listed.stdout


@pytest.mark.parametrize("name", ["armeabi-v7a", "x86", "riscv64", "", "aarch64"])
def test_processors_without_a_bundle(name: str) -> None:
    """A 32-bit phone is an ordinary case, with an error of its own."""
    with pytest.raises(AbiUnsupported) as raised:
        device_bundle(name)
    assert f'"{name}"' in raised.value.what


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    """A folder of ready-made bundles, as a wheel carries it."""
    folder = tmp_path / "bundles"
    shutil.copytree(_device("x86_64").folder, folder / "x86_64")
    return folder


def test_ready_made_bundle_needs_no_build(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the wheel needs no compiler, no apt and no cache."""
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", "/proc/none")
    monkeypatch.setenv("PATH", "/nowhere")
    assert device_bundle("x86_64", packaged=packaged).folder == packaged / "x86_64"


def test_ready_made_bundle_of_other_sources_is_left_alone(packaged: Path) -> None:
    """After a change of the sources, a bundle of yesterday must not be what is measured."""
    manifest = packaged / "x86_64" / build.MANIFEST
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, "key": "0" * 64}), encoding="utf-8")
    assert device_bundle("x86_64", packaged=packaged).folder == _device("x86_64").folder


def test_ready_made_program_serves_the_host(
    packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel has no compiler among its needs, and the host is measured all the same."""
    if platform.machine() != "x86_64":
        pytest.skip("needs an x86-64 machine")
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(compiler, "compile_runner", None)
    bundle = host_bundle(packaged=packaged)
    assert program.start(bundle, ["--version"]).stdout == "mobilebert_runner 1\n"


@pytest.mark.parametrize("damage", ["runner", "libc.so.6", "manifest.json"])
def test_damaged_bundle_is_not_used(packaged: Path, damage: str) -> None:
    """A damaged library may still run, and compute something else."""
    path = packaged / "x86_64" / damage
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BundleUnavailable) as raised:
        device_bundle("x86_64", packaged=packaged)
    assert damage in raised.value.what


def test_damaged_cache_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache is never a reason to fail: what is damaged in it is built again."""
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path))
    folder = host_bundle().folder
    (folder / "runner").write_bytes(b"damaged")
    assert host_bundle().folder == folder
    assert program.start(host_bundle(), ["--version"]).exit_code == 0
    assert not list((tmp_path / "bundles").glob("building-*"))


def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said with the variable that helps."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(BundleUnavailable, match="cannot be written") as raised:
        host_bundle()
    assert "MOBILEBERT_BENCH_CACHE" in raised.value.next_step


def test_host_bundle_is_the_installed_runtime() -> None:
    """The host's latency is of the very runtime that the host's accuracy comes from."""
    bundle = host_bundle()
    installed = wheel.installed_library()
    assert installed is not None
    assert bundle.program.runtime_sha256 == sha256_of(installed)
    assert bundle.program.runtime_version == importlib.metadata.version("ai-edge-litert")
    assert {file.name for file in bundle.files} == {"runner", "libLiteRt.so"}


def _tools(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Put these shell scripts where the tools of that name are looked for, and nothing else."""
    folder.mkdir()
    for name, script in scripts.items():
        tool = folder / name.replace("_", "-")
        tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_machine_without_debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Ubuntu the host path works, and what needs Debian's archive is refused by that name."""
    for name, scripts in {
        "ubuntu": {"apt_get": 'test "$1" = indextargets && echo http://mirror.invalid/ubuntu/'},
        "fedora": {},
    }.items():
        _tools(tmp_path / name, monkeypatch, **scripts)
        with pytest.raises(BundleUnavailable) as raised:
            debian.Archive("arm64", "bookworm", tmp_path / f"state-{name}")
        assert "Debian's archive" in raised.value.render()
        assert "--device host" in raised.value.next_step


def _archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> debian.Archive:
    """An archive that offers version 2 of every package, with a package that is not one."""
    _tools(
        tmp_path / "debian",
        monkeypatch,
        apt_get="""case "$*" in
            indextargets*) echo http://mirror.invalid/debian/ ;;
            *download*) echo damaged > package.deb ;;
        esac""",
        apt_cache='echo "Package: libc6"; echo "Version: 2"; echo "SHA256: 00"',
    )
    return debian.Archive("arm64", "bookworm", tmp_path / "state")


def test_version_that_the_archive_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian keeps one version; after a point release the error must say what to do, with both versions."""
    archive = _archive(tmp_path, monkeypatch)
    with pytest.raises(BundleUnavailable) as raised:
        archive.unpack(PackagePin(name="libc6", version="1", sha256="00"), tmp_path / "root")
    assert "libc6 1 (arm64, bookworm): it has 2." in raised.value.what
    assert "python -m android_runner.native.pins" in raised.value.next_step


def test_package_that_is_not_the_pinned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same version with other bytes is what pins are for."""
    archive = _archive(tmp_path, monkeypatch)
    with pytest.raises(BundleUnavailable, match="is pinned"):
        archive.unpack(PackagePin(name="libc6", version="2", sha256="00"), tmp_path / "root")


def test_links_are_followed_inside_the_root(tmp_path: Path) -> None:
    """Debian's loader is an absolute link: followed outside, it would be this machine's own."""
    (tmp_path / "lib64").mkdir()
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/loader-1.so").write_text("theirs")
    (tmp_path / "lib64/loader.so").symlink_to("/usr/lib/loader-1.so")
    assert debian.find_file(tmp_path, "loader.so").read_text() == "theirs"
    with pytest.raises(BundleUnavailable, match=r"no other\.so"):
        debian.find_file(tmp_path, "other.so")


def test_another_compiler_is_refused(tmp_path: Path) -> None:
    """Another compiler is another program; it says which one to install."""
    with pytest.raises(BundleUnavailable) as raised:
        compiler.compile_runner(ABIS[0], "0.0.1", tmp_path / "runner", cache=tmp_path)
    assert "ziglang==0.0.1" in raised.value.next_step
