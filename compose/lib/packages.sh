# shellcheck shell=bash
# Debian packages: what is missing is named and installed. Sourced by compose/local and tests/run.
# shellcheck disable=SC2034  # the lists are read by those two

server_packages=(rabbitmq-server postgresql python3)
build_packages=(cmake ninja-build gcc g++ pkg-config librabbitmq-dev libpq-dev libjansson-dev libconfig-dev libcurl4-openssl-dev
    libssl-dev libmicrohttpd-dev libseccomp-dev)
runtime_packages=(python3 python3-pytest python3-coverage nodejs gcc g++ bash)
test_packages=(libcmocka-dev openssl python3-pytest python3-pytest-xdist python3-pika python3-psycopg2 python3-jsonschema python3-coverage git
    ca-certificates faketime iproute2 nftables tini)
guest_packages=(qemu-system-x86 debootstrap cpio)

package_installed() { [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = "install ok installed" ]; }

install_packages() {
    local missing=() name as_root=()
    for name in "$@"; do
        package_installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die 2 "these packages are missing and only root can install them: ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing from Debian: ${missing[*]}"
    # shellcheck disable=SC2119
    "${as_root[@]}" bash -c "$(declare -f install_quietly); install_quietly \"\$@\"" install "${missing[@]}" ||
        die 3 "apt-get could not install: ${missing[*]}"
}

# Prints what tests in containers need beside an engine and a compose that are there already, whoever's they are.
container_packages() {
    command -v docker >/dev/null || printf 'docker.io\n'
    docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || printf 'docker-compose\n'
    printf 'debootstrap\niproute2\n'
}

# Runs as root. The packages' own services must not start: they would listen on every address. policy-rc.d is Debian's
# switch for that; what was there before stays.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d made=false code=0 log
    log=$(mktemp)
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made=true
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2015
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null || code=$?
    ! $made || rm -f "$policy"
    [ "$code" -eq 0 ] || tail -n 20 "$log" >&2
    rm -f "$log"
    # On a machine with systemd the packages enabled their services for the next boot: ours are private, so switch those off.
    if [ "$code" -eq 0 ] && [ -d /run/systemd/system ]; then
        local name
        for name in "$@"; do
            case $name in
                rabbitmq-server | postgresql) systemctl disable --quiet "$name" 2>/dev/null || true ;;
            esac
        done
    fi
    return "$code"
}

bin() { printf '%s/bin' "${ASSAY_BUILD:-$(clone_root)/build/release}"; }

build() {
    [ -z "${ASSAY_BUILD-}" ] || return 0
    local log
    log=$(clone_root)/build/release.log
    mkdir -p "$(clone_root)/build"
    say "building (log: build/release.log)"
    (cd "$(clone_root)" && cmake --preset release && cmake --build --preset release) >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        die 2 "the build failed: $log"
    }
}
