# shellcheck shell=bash
# The collector and the workers as plain processes. The wanted number of workers a group is in fleet/GROUP.

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
        [ -e "$ASSAY_STATE/fleet/$group.count" ] || printf 1 >"$ASSAY_STATE/fleet/$group.count"
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

scale() {
    [ $# -gt 0 ] || die 2 "scale: name a group and a number, e.g. compose/local scale python=4"
    process_alive rabbitmq || die 3 "scale: nothing is running; start it with compose/local up"
    local pair group wanted
    for pair in "$@"; do
        group=${pair%%=*} wanted=${pair#*=}
        [[ $pair == *=* && $wanted =~ ^[0-9]+$ && $wanted -le 256 ]] || die 2 "scale: '$pair' is not GROUP=N with N from 0 to 256"
        case $group in
            python | node | native | c | cpp | bash) ;;
            *) grep -q "^ *$group *=" "$(clone_root)/conf/runtimes.cfg" ||
                die 2 "scale: no group or runtime '$group'; there are python, node, native, and the runtimes in conf/runtimes.cfg" ;;
        esac
    done
    for pair in "$@"; do
        group=${pair%%=*} wanted=${pair#*=}
        printf '%s' "$wanted" >"$ASSAY_STATE/fleet/$group.count"
        group_apply "$group" "$wanted"
        say "workers: $group=$wanted"
    done
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
