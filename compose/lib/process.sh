# shellcheck shell=bash
# Processes by record: pid and start time, so that a pid used again by another process is never signalled.

process_birth() { awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

process_record() { printf '%s %s\n' "$2" "$(process_birth "$2")" | state_write "run/$1"; }

process_pid() {
    local pid birth
    [ -s "$ASSAY_STATE/run/$1" ] || return 1
    read -r pid birth <"$ASSAY_STATE/run/$1"
    [ -n "$birth" ] && [ "$(process_birth "$pid")" = "$birth" ] || return 1
    # A zombie has ended, whoever is late to collect it.
    ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null || return 1
    printf '%s' "$pid"
}

process_alive() { process_pid "$1" >/dev/null; }

# process_start NAME COMMAND...: in a session of its own, output to logs/NAME.log; the log of the run before is NAME.log.1.
process_start() {
    local name=$1
    shift
    [ ! -s "$ASSAY_STATE/logs/$name.log" ] || mv -f "$ASSAY_STATE/logs/$name.log" "$ASSAY_STATE/logs/$name.log.1"
    setsid "$@" </dev/null >>"$ASSAY_STATE/logs/$name.log" 2>&1 9>&- &
    process_record "$name" "$!"
    disown
}

# process_ready NAME: it logged that it is ready, or it has ended (which process_await tells apart).
process_ready() { ! process_alive "$1" || grep -q '"message":"ready: ' "$ASSAY_STATE/logs/$1.log"; }

process_await() {
    wait_until "$2" "$1" process_ready "$1" && process_alive "$1" && return 0
    tail -n 5 "$ASSAY_STATE/logs/$1.log" >&2
    die 3 "$1 did not get ready: see $ASSAY_STATE/logs/$1.log"
}

# process_stop NAME SECONDS [SIGNAL]: asks, waits, and only then kills.
process_stop() {
    local name=$1 seconds=$2 signal=${3:-TERM} pid
    if pid=$(process_pid "$name"); then
        kill -s "$signal" "$pid" 2>/dev/null || true
        if ! wait_until "$seconds" "the end of $name" process_gone "$name"; then
            say "$name did not stop within $seconds s: killed"
            kill -s KILL "$pid" 2>/dev/null || true
            wait_until 10 "the end of $name" process_gone "$name" || true
        fi
    fi
    rm -f "$ASSAY_STATE/run/$name"
}
process_gone() { ! process_alive "$1"; }

# The words that drop from root to a server's own user; an ordinary user runs the servers as himself.
# shellcheck disable=SC2034  # read by the sourcing files
as_user() {
    as=()
    [ "$(id -u)" -ne 0 ] || as=(setpriv "--reuid=$1" "--regid=$1" --clear-groups --)
}
own_folder() {
    mkdir -p "$2"
    chmod 700 "$2"
    [ "$(id -u)" -ne 0 ] || chown "$1:$1" "$2"
}
