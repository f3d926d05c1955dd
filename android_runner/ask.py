"""Several questions to a device in one shell command: over ADB every call costs some 40 ms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from android_runner.link import HOST, Link

CPUS = "/sys/devices/system/cpu"
MOST_CORES = 256  # that are asked for
_TIMEOUT_S = 30.0
# Of this machine no Android command is asked.
_ANDROID = ("getprop", "dumpsys", "settings")


def ask(link: Link, questions: Mapping[str, str]) -> dict[str, str]:
    """Each command's stdout by its name, "" where it has none. Raises the link's errors."""
    mark = f"--{secrets.token_hex(8)}-"
    asked = {
        name: command
        for name, command in questions.items()
        if not (link.name == HOST and command.startswith(_ANDROID))
    }
    script = "\n".join(
        # The empty echo ends a last line that has no newline.
        f"echo {mark}{name}\n{{ {command}\n}} 2>/dev/null\necho"
        for name, command in asked.items()
    )
    text = link.run(script, timeout_s=_TIMEOUT_S).text
    told = dict.fromkeys(questions, "")
    for part in text.split(mark)[1:]:
        name, _, answer = part.partition("\n")
        told[name.strip()] = answer.removesuffix("\n")
    return told


def of_each_core(do: str) -> str:
    """A command that does something for each core, `$i`, whose folder is `$d`.

    By number, because listing the folder of all of them is denied on some phones; only words of the shell
    itself, no process.
    """
    each = f"d={CPUS}/cpu$i; if [ -d $d ]; then\n{do}\nfi; i=$((i+1))"
    return f"i=0; while [ $i -lt {MOST_CORES} ]; do {each}; done"
