# shellcheck shell=bash
# The collector and the workers as plain processes. The wanted number of workers a group is in fleet/GROUP.count.

# program NAME ARGUMENTS...: runs one of ours with its own variables (see write_environment).
program() (
    local name=$1
    shift
    # shellcheck source=/dev/null
    . "$ASSAY_STATE/env/$name.env"
    ASSAY_NO_LOCAL_ENV=1 exec "$(bin)/$name" "$@"
)

group_runtimes() {
    case $1 in
        native) printf 'c,cpp,bash' ;;
        *) printf '%s' "$1" ;;
    esac
}

# Each worker's programs run under user ids of their own: 64 slots a worker, counted over all groups.
worker_uid_base() {
    local number
    number=$(cat "$ASSAY_STATE/fleet/next-uid" 2>/dev/null || printf 0)
    printf '%s' $(((number + 1) % 1000)) >"$ASSAY_STATE/fleet/next-uid"
    printf '%s' $((300000 + number * 64))
}

worker_start() {
    local group=$1 number=$2 name
    name=worker-$group-$number
    ! process_alive "$name" || return 0
    (
        # A shell that has sourced the publisher's variables starts workers too: they get none of its secrets.
        unset ASSAY_PG_URL ASSAY_MANAGEMENT_PASSWORD PGPASSWORD
        # shellcheck source=/dev/null
        . "$ASSAY_STATE/env/assay-worker.env"
        export ASSAY_NO_LOCAL_ENV=1 ASSAY_WORKER_RUNTIMES ASSAY_WORKER_NAME ASSAY_WORKER_UID_BASE ASSAY_WORKER_SLOTS
        ASSAY_WORKER_RUNTIMES=$(group_runtimes "$group")
        ASSAY_WORKER_NAME=$(uname -n)-$group-$number
        ASSAY_WORKER_UID_BASE=$(worker_uid_base)
        ASSAY_WORKER_SLOTS=${ASSAY_SLOTS:-1}
        process_start "$name" "$(bin)/assay-worker"
    )
}

group_want() { printf '%s' "$2" | state_write "fleet/$1.count"; }

workers_of() { find "$ASSAY_STATE/run" -name "worker-$1-*" -printf '%f\n' | sort -t- -k3 -n; }

# Starts or drains until the group has as many workers as are wanted. Draining ones finish what they run, all at once.
group_apply() {
    local group=$1 wanted=$2 number name stopping=()
    for ((number = 1; number <= wanted; number++)); do
        worker_start "$group" "$number"
    done
    for ((number = 1; number <= wanted; number++)); do
        process_await "worker-$group-$number" 180
    done
    for name in $(workers_of "$group"); do
        number=${name##*-}
        [ "$number" -le "$wanted" ] || stopping+=("$name")
    done
    workers_stop "${stopping[@]}"
}

workers_stop() {
    local name
    for name in "$@"; do
        process_stop "$name" "${ASSAY_DRAIN_S:-90}" &
    done
    wait
}

fleet_groups() {
    local file group
    for group in python node native; do
        [ -e "$ASSAY_STATE/fleet/$group.count" ] || group_want "$group" 1
    done
    for file in "$ASSAY_STATE"/fleet/*.count; do
        group=${file##*/}
        printf '%s\n' "${group%.count}"
    done
}

fleet_up() {
    local group
    if ! process_alive collector; then
        say "starting the collector"
        (
            # shellcheck source=/dev/null
            . "$ASSAY_STATE/env/assay-collector.env"
            ASSAY_NO_LOCAL_ENV=1 process_start collector "$(bin)/assay-collector" run
        )
        process_await collector 60
    fi
    for group in $(fleet_groups); do
        say "workers: $group=$(cat "$ASSAY_STATE/fleet/$group.count")"
        group_apply "$group" "$(cat "$ASSAY_STATE/fleet/$group.count")"
    done
}

fleet_down() {
    # shellcheck disable=SC2046  # names hold no spaces
    workers_stop $(workers_of '*')
    process_stop collector 60
}

group_exists() {
    case $1 in
        python | node | native | c | cpp | bash) ;;
        *) grep -q "^ *$1 *=" "$(clone_root)/conf/runtimes.cfg" ||
            die 2 "scale: no group or runtime '$1'; there are python, node, native, and the runtimes in conf/runtimes.cfg" ;;
    esac
}

scale() {
    [ $# -gt 0 ] || die 2 "scale: name a group and a number, e.g. compose/local scale python=4"
    process_alive rabbitmq || die 3 "scale: nothing is running; start it with compose/local up"
    local pair group wanted
    for pair in "$@"; do
        group=${pair%%=*} wanted=${pair#*=}
        [[ $pair == *=* && $wanted =~ ^[0-9]+$ && $wanted -le 256 ]] || die 2 "scale: '$pair' is not GROUP=N with N from 0 to 256"
        group_exists "$group"
    done
    for pair in "$@"; do
        group=${pair%%=*} wanted=${pair#*=}
        group_want "$group" "$wanted"
        group_apply "$group" "$wanted"
        say "workers: $group=$wanted"
    done
}

autoscale_usage() {
    cat <<'TXT'
usage: compose/local autoscale GROUP=MIN-MAX ... [--every S] [--backlog-s S] [--idle-s S]

Starts and drains workers by what waits in the queues, until SIGINT or SIGTERM; the workers then stay as they are. Up when two
looks in a row say that the workers there are would need longer than --backlog-s for what waits (at most to MAX); down to what
was needed at most during the last --idle-s seconds (at least to MIN). Nothing is lost or run twice: a worker that is stopped
finishes what it runs and gives back what it has not begun. One line on standard error for each change.

  --every S      seconds between two looks (default 5, as often as RabbitMQ renews its figures)
  --backlog-s S  seconds in which a backlog should be worked off (default 30)
  --idle-s S     seconds that fewer workers have to be enough before some are stopped (default 60)

Exit codes: 0 ended by a signal, 2 usage or another autoscale at work, 3 nothing is running.
TXT
}

autoscale() {
    local every=5 backlog=30 idle=60 words=() group bounds
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) autoscale_usage; return 0 ;;
            --every | --backlog-s | --idle-s)
                [[ ${2-} =~ ^[1-9][0-9]{0,4}$ ]] || die 2 "autoscale: $1 takes a number of seconds from 1 to 99999"
                case $1 in
                    --every) every=$2 ;;
                    --backlog-s) backlog=$2 ;;
                    --idle-s) idle=$2 ;;
                esac
                shift ;;
            *)
                group=${1%%=*} bounds=${1#*=}
                [[ $1 == *=* && $bounds =~ ^([0-9]{1,3})-([0-9]{1,3})$ && ${BASH_REMATCH[1]} -le ${BASH_REMATCH[2]} && ${BASH_REMATCH[2]} -le 256 ]] ||
                    die 2 "autoscale: '$1' is not GROUP=MIN-MAX with 0 <= MIN <= MAX <= 256, e.g. python=1-8"
                group_exists "$group"
                words+=("$group:$(group_runtimes "$group"):$((10#${bounds%-*})):$((10#${bounds#*-}))") ;;
        esac
        shift
    done
    [ ${#words[@]} -gt 0 ] || { autoscale_usage >&2; exit 2; }
    process_alive rabbitmq || die 3 "autoscale: nothing is running; start it with compose/local up"
    exec /usr/bin/python3 "$(clone_root)/compose/lib/autoscale.py" "$(clone_root)/compose/local" "$(bin)/assay-producer" \
        "$every" "$backlog" "$idle" "${words[@]}"
}

status() {
    state_exists || { say "not set up: run compose/local up"; return 3; }
    local name
    printf '%-22s %-8s %s\n' PROCESS STATE WHERE
    for name in rabbitmq postgresql collector $(workers_of '*'); do
        local state=stopped where=
        ! process_alive "$name" || state=running
        case $name in
            rabbitmq) where="127.0.0.1:$(port amqp), UI http://127.0.0.1:$(port management)/" ;;
            postgresql) where="127.0.0.1:$(port postgresql)" ;;
        esac
        printf '%-22s %-8s %s\n' "$name" "$state" "$where"
    done
    ! process_alive rabbitmq || { printf '\n'; with_environment "$(bin)/assay-producer" status; }
}

logs() {
    state_exists || die 2 "no logs: nothing was set up in $ASSAY_STATE"
    local follow=() names=() argument
    for argument in "$@"; do
        case $argument in
            -f) follow=(-f) ;;
            *) [ -e "$ASSAY_STATE/logs/$argument.log" ] ||
                die 2 "no log '$argument'; there are: $(cd "$ASSAY_STATE/logs" && printf '%s ' *.log | sed 's/\.log//g')"
                names+=("$ASSAY_STATE/logs/$argument.log") ;;
        esac
    done
    [ ${#names[@]} -gt 0 ] || names=("$ASSAY_STATE"/logs/*.log)
    tail -n 40 "${follow[@]}" "${names[@]}"
}
