"""Listener: how the job tells what it is doing; every method is empty here, and console.py fills them."""

from __future__ import annotations


class Listener:
    """Events of a job, in order. Nothing here may raise or take long."""

    def on_step(self, text: str) -> None:
        """A step begins; `text` is a short sentence."""

    def on_progress(self, done: int, total: int, unit: str, share: float | None = None) -> None:
        """The running step has done `done` of `total` units. `share`: of its work, where units differ."""

    def on_hit(self, text: str) -> None:
        """Something hit the running step, which goes on."""

    def on_doubt(self, text: str) -> None:
        """Something a reader must know; it goes to the record as well."""

    def on_done(self) -> None:
        """The running step ended."""
