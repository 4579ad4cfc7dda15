# shellcheck shell=bash
# The state folder: data of the servers, secrets, ports, logs, process records. Sourced by compose/local.

say() { printf 'assay: %s\n' "$*" >&2; }
die() { local code=$1; shift; say "$*"; exit "$code"; }

clone_root() { (cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd); }

# Where this user's states lie by default, and the claims of their ports.
state_base() {
    local base=/var/lib
    [ "$(id -u)" -eq 0 ] || base=${XDG_STATE_HOME:-${HOME:-/tmp}/.local/state}
    printf '%s/assay-local' "$base"
}

# A default per clone, outside of it: the servers' users must reach their data even when the clone lies in a private folder.
state_defaults() {
    state_is_default=false
    if [ -z "${ASSAY_STATE-}" ]; then
        state_is_default=true
        ASSAY_STATE=$(state_base)/$(clone_root | sha256sum | cut -c1-8)
    fi
    export ASSAY_STATE
}

state_file() { printf '%s/%s' "$ASSAY_STATE" "$1"; }
# state_write NAME: what comes on standard input, in one step: whoever reads it without the lock finds the old text or the new.
state_write() {
    local file
    file=$(state_file "$1")
    cat >"${file%/*}/.${file##*/}.new" && mv -f "${file%/*}/.${file##*/}.new" "$file"
}
state_exists() { [ -d "$ASSAY_STATE/secrets" ]; }

state_open() {
    # Two set-ups at once would give the servers different ports and passwords.
    mkdir -p "$ASSAY_STATE" || die 2 "cannot make $ASSAY_STATE: set ASSAY_STATE to a folder that you can write"
    chmod 755 "$ASSAY_STATE"
    mkdir -p "$ASSAY_STATE"/{ports,logs,run,fleet}
    mkdir -p "$ASSAY_STATE/secrets"
    chmod 700 "$ASSAY_STATE/secrets"
    local free_kb
    free_kb=$(df -Pk "$ASSAY_STATE" | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge 524288 ] ||
        die 3 "only $((free_kb / 1024)) MiB free in $ASSAY_STATE: broker and database need 512; free some, or set ASSAY_STATE"
}

state_delete() {
    [ -d "$ASSAY_STATE/secrets" ] || die 2 "$ASSAY_STATE does not look like a state folder of Assay: not deleted"
    /usr/bin/python3 "$(clone_root)/compose/lib/ports.py" release "$(state_base)/claims" "$ASSAY_STATE/ports" || true
    rm -rf -- "$ASSAY_STATE"
    ! $state_is_default || rm -rf -- "$(clone_root)/.local"
    say "deleted $ASSAY_STATE"
}

# Only one set-up of a state at a time. The lock ends with this process; servers started meanwhile do not inherit it (process_start).
state_lock() {
    mkdir -p "$ASSAY_STATE"
    exec 9>"$ASSAY_STATE/lock"
    flock -w 600 9 || die 3 "another compose/local has been at work in $ASSAY_STATE for ten minutes"
}

secret_file() { printf '%s/secrets/%s' "$ASSAY_STATE" "$1"; }
# The secret NAME, made at first use.
secret() {
    local file
    file=$(secret_file "$1")
    [ -s "$file" ] || (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' 'ab' >"$file")
    cat "$file"
}

# The recorded port NAME; ports_choose records one in each NAME, which no other state of this user has, keeping the old where it can.
port() { cat "$ASSAY_STATE/ports/$1"; }
ports_choose() {
    /usr/bin/python3 "$(clone_root)/compose/lib/ports.py" choose "$(state_base)/claims" "$ASSAY_STATE/ports" "$@" || die 3 "no ports for the servers"
}

# wait_until SECONDS WHAT COMMAND...: polls until COMMAND succeeds.
wait_until() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { say "gave up waiting for $what"; return 1; }
        sleep 0.2
    done
}

# With TLS the server is named, as its certificate does; an address would not do.
amqp_url() {
    local scheme=amqp place query=
    place=127.0.0.1:$(port amqp)
    ! tls_on || { scheme=amqps place=localhost:$(port amqps) query="?cacertfile=$(tls_ca)"; }
    printf '%s://%s:%s@%s/assay%s' "$scheme" "$1" "$(secret "$1")" "$place" "$query"
}
pg_url() {
    local host=127.0.0.1 query=
    ! tls_on || { host=localhost query="?sslmode=verify-full&sslrootcert=$(tls_ca)"; }
    printf 'postgresql://%s:%s@%s:%s/assay%s' "$1" "$(secret "pg-$1")" "$host" "$(port postgresql)" "$query"
}

# For psql and pg_dump: a URL on their command line would show the password in the process list.
pg_variables() {
    printf 'export PGHOST=127.0.0.1 PGPORT=%s PGDATABASE=assay PGUSER=%s PGPASSWORD=%q\n' "$(port postgresql)" "$1" "$(secret "pg-$1")"
}

# Variables for a shell and for the programs, which find them by themselves: env for the publisher, PROGRAM.env for each other program.
write_environment() {
    local folder=$ASSAY_STATE/env
    (
        umask 077
        mkdir -p "$folder"
        {
            # Tells the other programs that the publisher's URLs below are not meant for them (common/paths.h).
            printf 'export ASSAY_LOCAL_ENV=1\n'
            printf 'export ASSAY_STATE=%q\n' "$ASSAY_STATE"
            printf 'export ASSAY_AMQP_URL=%q\n' "$(amqp_url assay-producer)"
            printf 'export ASSAY_PG_URL=%q\n' "$(pg_url assay_producer)"
            pg_variables assay_producer
            if tls_on; then
                printf 'export ASSAY_MANAGEMENT_URL=%q\n' "https://localhost:$(port management-tls)"
                printf 'export ASSAY_MANAGEMENT_CA_FILE=%q\n' "$(tls_ca)"
            else
                printf 'export ASSAY_MANAGEMENT_URL=%q\n' "http://127.0.0.1:$(port management)"
            fi
            printf 'export ASSAY_MANAGEMENT_USER=assay-monitor\n'
            printf 'export ASSAY_MANAGEMENT_PASSWORD=%q\n' "$(secret assay-monitor)"
        } >"$folder/env"
        {
            printf 'export ASSAY_AMQP_URL=%q\n' "$(amqp_url assay-worker)"
            printf 'export ASSAY_REPLY_AMQP_URL=%q\n' "$(amqp_url assay-replier)"
        } >"$folder/assay-worker.env"
        {
            printf 'export ASSAY_AMQP_URL=%q\n' "$(amqp_url assay-collector)"
            printf 'export ASSAY_REPLY_AMQP_URL=%q\n' "$(amqp_url assay-replier)"
            printf 'export ASSAY_PG_URL=%q\n' "$(pg_url assay_collector)"
            pg_variables assay_collector
        } >"$folder/assay-collector.env"
        if $state_is_default; then
            mkdir -p "$(clone_root)/.local"
            cp "$folder"/* "$(clone_root)/.local/"
        fi
    )
}

# with_environment COMMAND...: runs it with the publisher's variables; program_environment NAME: with that program's.
with_environment() (
    # shellcheck source=/dev/null
    . "$ASSAY_STATE/env/env"
    # Whoever interrupts us must not find the lock held by what we ran.
    ASSAY_NO_LOCAL_ENV=1 "$@" 9>&-
)
