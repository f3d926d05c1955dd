"""A skipped test proves nothing: CI must fail for one that nobody has listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.skipping import LIST, read_list

pytest_plugins = ["pytester"]

CONFTEST = """
import os
from pathlib import Path
from tests.skipping import watch
def pytest_configure(config):
    watch(config, os.environ, Path("skips.toml"))
"""
SUITE = """
import pytest
def test_passes(): pass
def test_listed(): pytest.skip("no phone")
@pytest.mark.xfail(reason="known")
def test_expected_to_fail(): assert False
"""
ENTRY = '[[skip]]\ntest = "test_suite.py::test_listed"\nreason = "needs a phone"\n'


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite with one listed skip and one expected failure, in CI."""
    monkeypatch.setenv("CI", "true")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=SUITE)
    (pytester.path / "skips.toml").write_text(ENTRY)
    return pytester


def test_listed_skips_pass(suite: pytest.Pytester) -> None:
    """What cannot run in CI is skipped there without noise; an expected failure is no skip."""
    assert suite.runpytest_inprocess().ret == pytest.ExitCode.OK


def test_an_unlisted_skip_fails_and_is_named(suite: pytest.Pytester) -> None:
    """The run fails although no test did, and says which one was skipped and why."""
    suite.makepyfile(test_more='import pytest\ndef test_new(): pytest.skip("not today")\n')
    result = suite.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*skipped, and not in skips.toml*", "test_more.py::test_new: *not today*"])
    assert "test_listed: " not in result.stdout.str()


def test_a_file_skipped_as_a_whole_fails(suite: pytest.Pytester) -> None:
    """importorskip at the top of a file hides every test in it; nothing else of the run may be left."""
    suite.makepyfile(test_more='import pytest\npytest.importorskip("no_such_module")\ndef test_a(): pass\n')
    result = suite.runpytest_inprocess("test_more.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["test_more.py: *no_such_module*"])


def test_a_skipping_fixture_fails(suite: pytest.Pytester) -> None:
    """Most skips here come from fixtures (a missing Debian package), in the set-up phase."""
    suite.makepyfile(
        test_more="""
        import pytest
        @pytest.fixture
        def phone(): pytest.skip("no bwrap")
        def test_phone(phone): pass
        """
    )
    assert suite.runpytest_inprocess().ret == pytest.ExitCode.TESTS_FAILED


def test_outside_of_ci_skips_are_free(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer without a sandbox can still run what runs."""
    monkeypatch.delenv("CI")
    suite.makepyfile(test_more='import pytest\ndef test_new(): pytest.skip("not today")\n')
    assert suite.runpytest_inprocess().ret == pytest.ExitCode.OK


@pytest.mark.parametrize("entry", ['test = "test_a"\nreason = " "', 'test = ""\nreason = "any"'])
def test_an_entry_without_test_or_reason_is_refused(entry: str, tmp_path: Path) -> None:
    """An empty prefix would allow every skip; an empty reason explains none."""
    (tmp_path / "skips.toml").write_text(f"[[skip]]\n{entry}\n")
    with pytest.raises(ValueError, match="needs a test and a reason"):
        read_list(tmp_path / "skips.toml")


def test_every_entry_names_tests_that_exist() -> None:
    """An entry for a test that was renamed would hide the next one of that name."""
    for entry in read_list(LIST):
        file, _, name = entry.test.partition("::")
        path = LIST.parents[1] / file
        assert path.exists(), entry
        assert name.partition("[")[0] in ("" if path.is_dir() else path.read_text()), entry
