"""SessionLink: a Link over one session after another, each a connection to adbd, direct or through a server.

What a session is made of is its subclasses' matter; deadlines, error classes, and that nothing goes on
running on a device unnoticed are the same for all and stand here.
"""

from __future__ import annotations

import abc
import contextlib
import logging
import time
from pathlib import Path
from typing import Protocol

from android_runner.link import Completed, pull_error, push_error, write_here
from android_runner.shell_protocol import Running
from android_runner.transport import DeadlinePassedError
from results.errors import DeviceLost, HarnessError, RunTimedOut

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
AUTH_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 5.0


class RefusedFileError(Exception):
    """The device did not take or give a file, in its own words; the session itself is well."""


class BrokenSessionError(Exception):
    """The session is out of step or gone."""


class Session(Protocol):
    """One connection to adbd. Every wait ends at `deadline` (time.monotonic()).

    Every method raises DeadlinePassedError or BrokenSessionError.
    """

    deadline: float

    @property
    def shell_v2(self) -> bool:
        """False: the device is older than Android 7, and stderr comes within stdout."""
        ...

    @property
    def running(self) -> Running | None:
        """The last command, where it is known not to have ended."""
        ...

    def execute(self, command: str, *, v2: bool) -> tuple[int, bytes, bytes]:
        """Exit code, stdout and stderr."""
        ...

    def send(self, content: bytes, remote: str, mode: int) -> None:
        """Raises RefusedFileError as well."""
        ...

    def fetch(self, remote: str) -> bytes | memoryview:
        """Raises RefusedFileError as well."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class SessionLink(abc.ABC):
    """Connects at `reconnect` or the first call. `shell_v2` can be switched off, for tests."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._given_up = False
        self._why: str | None = None
        self._left_running: Running | None = None
        self.shell_v2 = False

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """As Link has it."""

    @abc.abstractmethod
    def _open_session(self, deadline: float) -> Session:
        """A new session, until that point in time. Raises what `reconnect` raises."""

    def reconnect(self, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Raises NoDevice or DeviceNotReady, or a class below them, and DeviceLost."""
        self._end_command(self._connect(time.monotonic() + timeout_s))

    def run(self, command: str, *, timeout_s: float) -> Completed:
        begin = time.monotonic()
        session = self._ready(begin + timeout_s)
        try:
            exit_code, stdout, stderr = session.execute(command, v2=self.shell_v2)
        except DeadlinePassedError as err:
            log.debug("%s: %s: no end after %.3f s", self.name, command, timeout_s)
            self._abandon(session)
            raise RunTimedOut(
                f"a command on {self.name} did not end within {timeout_s:g} s.",
                next_step="Close what else is running on the device and try again.",
                command=command,
                timeout_s=timeout_s,
            ) from err
        except BrokenSessionError as err:
            self._left_running = session.running
            raise self._lost(f"while it ran a command ({err})", command=command) from err
        except BaseException:  # Ctrl-C
            self._abandon(session)
            raise
        seconds = time.monotonic() - begin
        log.debug("%s: %s: exit %d, %.3f s", self.name, command, exit_code, seconds)
        return Completed(command=command, exit_code=exit_code, stdout=stdout, stderr=stderr, seconds=seconds)

    def push(self, local: Path, remote: str, *, mode: int, timeout_s: float) -> None:
        begin = time.monotonic()
        try:
            content = local.read_bytes()
        except OSError as err:
            raise push_error(self.name, remote, f"{local}: {err.strerror}", err.errno) from err
        session = self._ready(begin + timeout_s)
        try:
            session.send(content, remote, mode)
        except RefusedFileError as err:
            # adbd may still be busy with what is left of the file: the next call connects anew.
            self._drop()
            raise push_error(self.name, remote, str(err)) from err
        except (DeadlinePassedError, BrokenSessionError) as err:
            raise self._lost(f"while {local.name} was sent to it ({err})", path=remote) from err
        except BaseException:  # Ctrl-C: the next call connects anew
            self._drop()
            raise
        log.debug("%s: pushed %s, %.3f s", self.name, remote, time.monotonic() - begin)

    def pull(self, remote: str, local: Path, *, timeout_s: float) -> None:
        begin = time.monotonic()
        session = self._ready(begin + timeout_s)
        try:
            content = session.fetch(remote)
        except RefusedFileError as err:
            raise pull_error(self.name, remote, str(err)) from err
        except (DeadlinePassedError, BrokenSessionError) as err:
            raise self._lost(f"while {remote} was fetched ({err})", path=remote) from err
        except BaseException:  # Ctrl-C: the next call connects anew
            self._drop()
            raise
        write_here(local, content)
        log.debug("%s: pulled %s, %.3f s", self.name, remote, time.monotonic() - begin)

    def close(self) -> None:
        self._given_up = True
        self._drop()

    def _connect(self, deadline: float) -> Session:
        self._drop()
        self._session = self._open_session(deadline)
        self.shell_v2 = self._session.shell_v2
        self._given_up, self._why = False, None
        log.debug("%s: connected, shell protocol %d", self.name, 2 if self.shell_v2 else 1)
        return self._session

    def _ready(self, deadline: float) -> Session:
        """The session, made now if there is none, with its deadline set."""
        if self._given_up:
            since = f" since it went away {self._why}" if self._why else ""
            raise DeviceLost(f"{self.name} is not connected any more{since}.", next_step="Run again.")
        session = self._session
        if session is None:
            session = self._connect(max(deadline, time.monotonic() + 0.001))
        session.deadline = deadline
        return session

    def _abandon(self, session: Session) -> None:
        """Give the session up and end the command that still runs, with its children."""
        self._left_running = session.running
        try:
            # Now, not at the next reconnect: what goes on running would disturb whatever comes next.
            with contextlib.suppress(HarnessError):
                self.reconnect(timeout_s=_END_TIMEOUT_S)
        finally:
            self.close()

    def _end_command(self, session: Session) -> None:
        """End what an earlier session left running: its whole process group."""
        left = self._left_running
        if left is None:
            return
        session.deadline = time.monotonic() + _END_TIMEOUT_S
        try:
            exit_code, _, _ = session.execute(left.end_command(), v2=self.shell_v2)
        except (DeadlinePassedError, BrokenSessionError) as err:
            raise self._lost(f"while an earlier command was being ended ({err})") from err
        self._left_running = None
        log.debug("%s: ended process group %d: exit %d", self.name, left.group, exit_code)

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _lost(self, when: str, **facts: object) -> DeviceLost:
        self.close()
        self._why = when
        return DeviceLost(
            f"{self.name} went away {when}.",
            next_step="Check the cable or network and that the device is on, then run again.",
            **facts,
        )
