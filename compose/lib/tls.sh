# shellcheck shell=bash
# TLS of the private servers, where ASSAY_TLS names a folder with ca.pem, server.pem (for the name localhost) and server.key. The
# state remembers it: each server has a copy that its user can read. Listeners without TLS stay, on loopback like all else.

tls_on() { [ -d "$ASSAY_STATE/tls" ]; }
tls_ca() { printf '%s/tls/ca.pem' "$ASSAY_STATE"; }

tls_open() {
    [ -n "${ASSAY_TLS-}" ] || return 0
    local name
    for name in ca.pem server.pem server.key; do
        [ -r "$ASSAY_TLS/$name" ] || die 2 "ASSAY_TLS=$ASSAY_TLS: no $name there; it needs ca.pem, server.pem and server.key"
    done
    if cmp -s "$ASSAY_TLS/server.pem" "$ASSAY_STATE/tls/rabbitmq/server.pem" && cmp -s "$ASSAY_TLS/ca.pem" "$(tls_ca)"; then
        return 0
    fi
    say "certificates of $ASSAY_TLS: the servers start with them"
    broker_down
    database_down
    mkdir -p "$ASSAY_STATE/tls"
    install -m 644 "$ASSAY_TLS/ca.pem" "$ASSAY_STATE/tls/ca.pem"
    for name in rabbitmq postgres; do
        own_folder "$name" "$ASSAY_STATE/tls/$name"
        install -m 600 "$ASSAY_TLS"/{ca.pem,server.pem,server.key} "$ASSAY_STATE/tls/$name/"
        [ "$(id -u)" -ne 0 ] || chown "$name:$name" "$ASSAY_STATE/tls/$name"/*
    done
}

# Prints what a server's configuration gets, with this state's paths and ports in place of the usual ones.
tls_broker_configuration() {
    ! tls_on || sed -e "s|/etc/rabbitmq/tls/|$ASSAY_STATE/tls/rabbitmq/|" \
        -e "s|^listeners.ssl.default = .*|listeners.ssl.default = 127.0.0.1:$(port amqps)|" \
        -e "s|^management.ssl.port = .*|management.ssl.ip = 127.0.0.1\nmanagement.ssl.port = $(port management-tls)|" \
        "$(clone_root)/conf/broker/rabbitmq-tls.conf"
}
# The administrator has no socket here, so he comes over loopback.
tls_database_configuration() {
    tls_on || return 0
    local rules=$ASSAY_STATE/tls/postgres/pg_hba.conf
    { printf 'host all postgres 127.0.0.1/32 scram-sha-256\n'; grep -v '^local' "$(clone_root)/conf/postgresql/pg_hba.conf"; } >"$rules"
    chmod 644 "$rules"
    sed -e "s|/etc/postgresql/tls/|$ASSAY_STATE/tls/postgres/|" "$(clone_root)/conf/postgresql/tls.conf"
    printf "hba_file = '%s'\n" "$rules"
}
