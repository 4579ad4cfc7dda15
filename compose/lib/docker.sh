# shellcheck shell=bash
# Docker's compose, whichever there is.

say() { printf 'assay: %s\n' "$*" >&2; }
die() { local code=$1; shift; say "$*"; exit "$code"; }

compose() {
    if docker compose version >/dev/null 2>&1; then
        docker compose "$@"
    else
        command -v docker-compose >/dev/null || die 3 "neither docker's compose plugin nor docker-compose is installed"
        docker-compose "$@"
    fi
}
