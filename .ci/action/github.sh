# What GitHub reads of a step, safely. Sourced by the steps beside it.

bin=$GITHUB_ACTION_PATH/.venv/bin

# A name and a value for later steps. The value may hold anything: no line of it ends the value, or begins another.
output() {
    local mark
    mark=$(</proc/sys/kernel/random/uuid)
    printf '%s<<%s\n%s\n%s\n' "$1" "$mark" "$2" "$mark" >> "$GITHUB_OUTPUT"
}

# Run a command whose lines the runner only shows: a device's words may look like the runner's own commands.
only_shown() {
    local mark code=0
    mark=$(</proc/sys/kernel/random/uuid)
    echo "::stop-commands::$mark"
    "$@" || code=$?
    printf '\n::%s::\n' "$mark"
    return "$code"
}

# 0 to 3 without 2 are judgements; the rest says that there is none (docs/architecture.md, "Exit codes").
is_judgement() { [[ $1 == [013] ]]; }
