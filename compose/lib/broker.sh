# shellcheck shell=bash
# shellcheck disable=SC2154  # "as" is set by as_user
# A private RabbitMQ: loopback only, own vhost, one user a role with least permissions (conf/broker/definitions).

rabbitmq_sbin() { find /usr/lib/rabbitmq/lib -maxdepth 2 -name sbin -type d | sort -V | tail -n 1; }

broker_users=(assay-producer assay-worker assay-replier assay-collector assay-monitor assay-admin)

broker_configure() {
    local folder=$1 name
    for name in "${broker_users[@]}"; do
        secret "$name" >/dev/null
    done
    "$(clone_root)/conf/broker/definitions" --secrets "$ASSAY_STATE/secrets" ${ASSAY_RUNTIMES:+--runtimes "$ASSAY_RUNTIMES"} \
        >"$folder/definitions.json" || die 3 "the broker's definitions could not be made"
    {
        cat "$(clone_root)/conf/broker/rabbitmq.conf"
        cat <<CONF

listeners.tcp.local = 127.0.0.1:$(port amqp)
management.tcp.ip = 127.0.0.1
management.tcp.port = $(port management)
load_definitions = $folder/definitions.json
CONF
        tls_broker_configuration
    } >"$folder/rabbitmq.conf"
    printf '[rabbitmq_management].\n' >"$folder/enabled_plugins"
    chmod 600 "$folder/definitions.json"
    [ "$(id -u)" -ne 0 ] || chown rabbitmq:rabbitmq "$folder"/{definitions.json,rabbitmq.conf,enabled_plugins}
}

broker_environment() {
    local folder=$1
    # The Erlang cookie lies in HOME; an epmd of our own keeps us apart from any other RabbitMQ of the machine.
    printf '%s\n' "HOME=$folder" "PATH=/usr/sbin:/usr/bin:/sbin:/bin" "LANG=C.UTF-8" \
        "RABBITMQ_NODENAME=assay@localhost" "RABBITMQ_USE_LONGNAME=false" \
        "RABBITMQ_MNESIA_BASE=$folder/data" "RABBITMQ_MNESIA_DIR=$folder/data/node" "RABBITMQ_LOG_BASE=$folder/log" "RABBITMQ_LOGS=-" \
        "RABBITMQ_CONFIG_FILE=$folder/rabbitmq.conf" "RABBITMQ_CONF_ENV_FILE=/dev/null" "RABBITMQ_ADVANCED_CONFIG_FILE=$folder/none" \
        "RABBITMQ_ENABLED_PLUGINS_FILE=$folder/enabled_plugins" "RABBITMQ_PID_FILE=$folder/pid" \
        "RABBITMQ_DIST_PORT=$(port distribution)" "ERL_EPMD_PORT=$(port epmd)" "ERL_EPMD_ADDRESS=127.0.0.1" \
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}" \
        "RABBITMQ_SERVER_START_ARGS=+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
}

# The management API answers before the broker listens for AMQP: so it is asked whether its own node does.
broker_answers() {
    /usr/bin/python3 - "$(port management)" "$(port amqp)" "$(secret_file assay-admin)" <<'PY'
import base64, sys, urllib.request
management, amqp, secret = sys.argv[1:]
with open(secret) as file:
    token = base64.b64encode(("assay-admin:" + file.read().strip()).encode()).decode()
for path in (f"health/checks/port-listener/{amqp}", "queues/assay/assay.results"):
    request = urllib.request.Request(f"http://127.0.0.1:{management}/api/{path}", headers={"Authorization": "Basic " + token})
    urllib.request.urlopen(request, timeout=5).read()
PY
}

broker_up() {
    if process_alive rabbitmq && broker_answers 2>/dev/null; then
        return 0
    fi
    broker_down
    local folder=$ASSAY_STATE/rabbitmq
    own_folder rabbitmq "$folder"
    own_folder rabbitmq "$folder/data"
    own_folder rabbitmq "$folder/log"
    broker_start "$folder" || {
        # Whoever does not claim ports (lib/ports.py) may have taken one while the broker started.
        grep -q eaddrinuse "$ASSAY_STATE/logs/rabbitmq.log" || die 3 "RabbitMQ did not start: see $ASSAY_STATE/logs/rabbitmq.log"
        say "a port of RabbitMQ's was taken while it started: once more with other ports"
        broker_down
        broker_start "$folder" || die 3 "RabbitMQ did not start: see $ASSAY_STATE/logs/rabbitmq.log"
    }
    process_record rabbitmq "$(cat "$folder/pid")"
}

broker_start() {
    local folder=$1 environment
    ports_choose amqp management distribution epmd amqps management-tls
    broker_configure "$folder"
    mapfile -t environment < <(broker_environment "$folder")
    say "starting RabbitMQ on 127.0.0.1:$(port amqp), management UI on http://127.0.0.1:$(port management)/"
    as_user rabbitmq
    process_start epmd "${as[@]}" env -i "${environment[@]}" epmd -address 127.0.0.1 -port "$(port epmd)"
    process_start rabbitmq "${as[@]}" env -i "${environment[@]}" "$(rabbitmq_sbin)/rabbitmq-server"
    wait_until 120 "RabbitMQ" broker_started && process_alive rabbitmq
}
broker_started() { ! process_alive rabbitmq || broker_answers; }

broker_down() {
    process_stop rabbitmq 60
    process_stop epmd 10
}
