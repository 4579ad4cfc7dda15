# shellcheck shell=bash
# What lasts, as a folder: the database by pg_dump, the broker's exchanges, queues, bindings and policies by its definitions. Not in it:
# messages under way, and secrets (a fleet that is restored into has its own).

servers_run() { process_alive postgresql && process_alive rabbitmq; }

is_backup() { [ -s "$1/database.dump" ] && [ -s "$1/definitions.json" ]; }

make_backup() {
    as_collector pg_dump --format=custom --file="$1/database.dump" && broker_definitions get "$1/definitions.json"
}

as_collector() (
    # shellcheck source=/dev/null
    . "$ASSAY_STATE/env/assay-collector.env"
    "$@"
)

# broker_definitions get FILE | put FILE: by the management API. Users and their passwords stay this fleet's own.
broker_definitions() {
    /usr/bin/python3 - "$1" "$2" "$(port management)" "$(secret_file assay-admin)" <<'PY'
import base64, json, sys, urllib.request
what, path, port, secret = sys.argv[1:]
with open(secret) as file:
    token = base64.b64encode(("assay-admin:" + file.read().strip()).encode()).decode()
def ask(body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/definitions/assay", data=body,
                                     headers={"Authorization": "Basic " + token, "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=60).read()
if what == "get":
    kept = {key: value for key, value in json.loads(ask()).items() if key in ("exchanges", "queues", "bindings", "policies")}
    # Those of a program end with it.
    lasting = {queue["name"] for queue in kept["queues"] if queue["durable"] and not queue.get("auto_delete")
               and not queue["name"].startswith(("assay.wait.", "assay.reply."))}
    kept["queues"] = [queue for queue in kept["queues"] if queue["name"] in lasting]
    kept["bindings"] = [binding for binding in kept["bindings"]
                        if binding["destination_type"] != "queue" or binding["destination"] in lasting]
    with open(path, "w") as file:
        json.dump(kept, file, indent=1)
else:
    with open(path) as file:
        ask(file.read().encode())
PY
}

backup() {
    [ $# -eq 1 ] || die 2 "backup: name a folder that does not exist yet"
    [ ! -e "$1" ] || die 2 "backup: $1 exists already"
    servers_run || die 3 "backup: nothing is running; start it with compose/local up"
    local making=$1.making.$$
    (umask 077 && mkdir "$making") || die 2 "backup: cannot make a folder beside $1"
    make_backup "$making" || {
        rm -rf -- "$making"
        die 4 "backup: nothing was kept"
    }
    mv -T -- "$making" "$1"
    say "kept in $1: database and definitions; messages under way are not in it"
}

# Into a fleet that has no verdicts: what is there would be lost, or be mixed with what comes.
restore() {
    [ $# -eq 1 ] || die 2 "restore: name a folder made by compose/local backup"
    is_backup "$1" || die 2 "restore: $1 holds no database.dump and definitions.json of compose/local backup"
    servers_run || die 3 "restore: nothing is running; start it with compose/local up"
    local rows
    rows=$(as_collector psql -X -A -t -c 'SELECT (SELECT count(*) FROM executions) + (SELECT count(*) FROM jobs)') ||
        die 3 "restore: the database has no tables yet; start the fleet with compose/local up"
    [ "$rows" = 0 ] || die 2 "restore: there are $rows verdicts and jobs here already; restore into an empty fleet (compose/local reset, then up)"
    process_stop collector 60
    broker_definitions put "$1/definitions.json" || die 4 "restore: the broker did not take the definitions; the database is as it was"
    as_collector pg_restore --clean --if-exists --no-owner --single-transaction --dbname=assay "$1/database.dump" ||
        die 4 "restore: the database is as it was; compose/local up starts the collector again"
    database_migrate
    fleet_up
    say "restored from $1"
}
