#!/bin/sh
# setup.sh run|dev: a venv in .venv from the locked versions. "dev" adds what tests and lint need,
# Debian packages included. Does nothing where all of it is there already.
set -eu
cd "$(dirname "$0")/.."
kind=$1
python=${PYTHON:-python3}
# What tests start, beside Python: the sandbox, the phone's root, the processor emulator.
debian_test="chromium bubblewrap patchelf qemu-user-static debian-archive-keyring qemu-system-arm e2fsprogs"

fail() { printf 'error: setup\n  what   %s\n  next   %s\n' "$1" "$2" >&2; exit 4; }

missing_packages() {
    for package in $*; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || printf '%s ' "$package"
    done
}

need_packages() {
    command -v dpkg-query >/dev/null || fail "these Debian packages are needed: $*" "Use Debian 12 or 13, or install their like."
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" = 0 ]; then
        echo "Installing Debian packages: $missing" >&2
        apt-get -qq update >&2 && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >&2 ||
            fail "apt-get could not install $missing" "Read its messages above."
    else
        fail "these Debian packages are missing: $missing" "sudo apt-get install $missing"
    fi
}

command -v "$python" >/dev/null || need_packages python3
version=$("$python" -c 'import sys; print("py%d%d" % sys.version_info[:2])')
lock=requirements/$kind-$version.txt
[ -f "$lock" ] || fail "there is no lock file for $("$python" -V)" "Use Python 3.11, 3.12 or 3.13: make PYTHON=python3.11 ..."
[ "$kind" = run ] || need_packages $debian_test
"$python" -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv

state=$(cat "$lock" requirements/torch.txt pyproject.toml | sha256sum | cut -d' ' -f1)
[ "$(cat ".venv/.ready-$kind" 2>/dev/null)" = "$state" ] && exit 0
# What "dev" installed holds all that "run" needs.
[ "$kind" = run ] && [ -f .venv/.ready-dev ] && "$0" dev && exit 0

echo "Setting up .venv from $lock (a few minutes the first time)." >&2
[ -x .venv/bin/python ] || "$python" -m venv .venv || fail "python -m venv failed" "Read its messages above."
.venv/bin/python -m pip install -q --disable-pip-version-check --use-pep517 --require-hashes -r "$lock" ||
    fail "pip could not install $lock" "Read its messages above; it needs its usual access to packages."
if [ "$kind" = dev ]; then
    # Its build (CPU or CUDA) is the machine's choice, so it has no hash here; its own needs are in the lock.
    .venv/bin/python -m pip install -q --disable-pip-version-check -r requirements/torch.txt ||
        fail "pip could not install torch, the numerical reference of the tests" "Read its messages above."
fi
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    fail "pip could not install this project into .venv" "Read its messages above."
echo "$state" > ".venv/.ready-$kind"
