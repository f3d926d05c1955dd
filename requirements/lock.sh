#!/bin/sh
# Resolve the lock files anew: one per purpose and Python, with hashes. The pip client's configuration decides
# where packages come from, so no address stands in them.
set -eu
cd "$(dirname "$0")/.."
[ -x build/lock/bin/uv ] || { "${PYTHON:-python3}" -m venv build/lock && build/lock/bin/pip -q install uv; }
for version in 3.11 3.12 3.13; do
    name=py$(echo $version | tr -d .)
    for kind in run dev; do
        groups="--group build"
        [ $kind = dev ] && groups="$groups --group dev -c requirements/run-$name.txt"
        build/lock/bin/uv pip compile -q --upgrade pyproject.toml --extra device-build $groups --python-version $version \
            --generate-hashes --no-emit-index-url --no-annotate --no-header -o "requirements/$kind-$name.txt"
    done
done
