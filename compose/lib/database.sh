# shellcheck shell=bash
# shellcheck disable=SC2154  # "as" is set by as_user
# A private PostgreSQL: loopback only, SCRAM-SHA-256, one role a program.

postgres_bin() { find /usr/lib/postgresql -maxdepth 2 -name bin -type d | sort -V | tail -n 1; }

database_superuser() {
    PGPASSWORD=$(secret pg-postgres) psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(port postgresql)" -U postgres "$@"
}

database_init() {
    local data=$1 password
    password=$(mktemp)
    secret pg-postgres >"$password"
    [ "$(id -u)" -ne 0 ] || chown postgres:postgres "$password"
    as_user postgres
    "${as[@]}" "$(postgres_bin)/initdb" -D "$data" -U postgres --auth=scram-sha-256 --pwfile="$password" \
        --encoding=UTF8 --locale=C.UTF-8 >>"$ASSAY_STATE/logs/postgresql.log" 2>&1 || {
        rm -f "$password"
        rm -rf "$data"
        die 3 "initdb failed: see $ASSAY_STATE/logs/postgresql.log"
    }
    rm -f "$password"
}

database_up() {
    local data=$ASSAY_STATE/postgresql/data
    if process_alive postgresql && database_superuser -d assay -c 'SELECT 1' >/dev/null 2>&1; then
        return 0
    fi
    database_down
    own_folder postgres "$ASSAY_STATE/postgresql"
    [ -s "$data/PG_VERSION" ] || database_init "$data"
    ports_choose postgresql
    say "starting PostgreSQL on 127.0.0.1:$(port postgresql)"
    tls_database_configuration >"$data/assay-tls.conf"
    grep -q assay-tls "$data/postgresql.conf" || printf "include 'assay-tls.conf'\n" >>"$data/postgresql.conf"
    as_user postgres
    process_start postgresql "${as[@]}" "$(postgres_bin)/postgres" -D "$data" -p "$(port postgresql)" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c password_encryption=scram-sha-256 \
        -c max_connections=200 -c timezone=UTC
    wait_until 60 "PostgreSQL" database_superuser -d postgres -c 'SELECT 1' ||
        die 3 "PostgreSQL did not start: see $ASSAY_STATE/logs/postgresql.log"
    database_roles
}

database_roles() {
    secret pg-assay_collector >/dev/null
    secret pg-assay_producer >/dev/null
    ASSAY_SECRETS=$ASSAY_STATE/secrets database_superuser -d postgres -f "$(clone_root)/conf/database/roles.sql" >/dev/null
}

database_migrate() { program assay-collector migrate; }

database_down() {
    # SIGINT is PostgreSQL's fast shutdown: sessions are ended, everything committed is kept.
    process_stop postgresql 60 INT
}
