#include "worker/probes.h"

#include <stdio.h>
#include <string.h>

#include "common/mem.h"

const struct probe probes[PROBE_COUNT] = {
    {"memory", LAYER_RESOURCE, NULL, "one process takes twice the memory"},
    {"task_memory", LAYER_RESOURCE, "cgroup_memory", "three processes together take twice the memory"},
    {"processes", LAYER_RESOURCE, NULL, "forks past the limit"},
    {"cpu_time", LAYER_RESOURCE, "cgroup_cpu", "uses more CPU time than its limit"},
    {"open_files", LAYER_RESOURCE, NULL, "opens descriptors past the limit"},
    {"file_size", LAYER_RESOURCE, NULL, "writes a file past the limit of its size"},
    {"disk", LAYER_RESOURCE, "task_disk", "fills the three places of the workspace past their limit"},
    {"socket_inet", LAYER_NETWORK, NULL, "opens a TCP socket"},
    {"socket_inet6", LAYER_NETWORK, NULL, "opens a TCP socket of IPv6"},
    {"socket_udp", LAYER_NETWORK, NULL, "opens a UDP socket"},
    {"socket_raw", LAYER_NETWORK, NULL, "opens a raw socket"},
    {"socket_packet", LAYER_NETWORK, NULL, "opens a packet socket"},
    {"socket_netlink", LAYER_NETWORK, NULL, "opens a netlink socket"},
    {"socket_vsock", LAYER_NETWORK, NULL, "opens a vsock socket"},
    {"tcp_connect", LAYER_NETWORK, NULL, "connects to a port of the worker's"},
    {"udp_send", LAYER_NETWORK, NULL, "sends a datagram to the machine's loopback"},
    {"abstract_connect", LAYER_NETWORK, NULL, "connects to an abstract socket of the worker's"},
    {"reach_listeners", LAYER_NETWORK, NULL, "arrives at one of these listeners"},
    {"read_shadow", LAYER_FILESYSTEM, NULL, "reads /etc/shadow"},
    {"read_config", LAYER_FILESYSTEM, NULL, "reads the worker's configuration file"},
    {"read_outside", LAYER_FILESYSTEM, NULL, "reads a file of the worker's that everybody may read"},
    {"worker_environ", LAYER_FILESYSTEM, NULL, "reads the worker's environment"},
    {"worker_mem", LAYER_FILESYSTEM, NULL, "opens the worker's memory"},
    {"write_outside", LAYER_FILESYSTEM, NULL, "makes files outside the workspace, in every folder of /"},
    {"change_what_is_shown", LAYER_FILESYSTEM, NULL, "opens the machine's files for writing"},
    {"change_root", LAYER_FILESYSTEM, NULL, "changes the mode of /"},
    {"leave_files", LAYER_FILESYSTEM, NULL, "leaves files for the next task"},
    {"signal_worker", LAYER_PRIVILEGE, NULL, "signals the worker"},
    {"trace_worker", LAYER_PRIVILEGE, NULL, "traces the worker"},
    {"read_worker_memory", LAYER_PRIVILEGE, NULL, "reads the worker's memory by process_vm_readv"},
    {"become_root", LAYER_PRIVILEGE, NULL, "becomes root"},
    {"new_user_namespace", LAYER_PRIVILEGE, NULL, "makes a user namespace by unshare"},
    {"new_user_namespace_by_clone", LAYER_PRIVILEGE, NULL, "makes a user namespace by clone"},
    {"new_namespaces", LAYER_PRIVILEGE, NULL, "makes mount, pid and network namespaces"},
    {"mount", LAYER_PRIVILEGE, NULL, "mounts a tmpfs"},
    {"chroot", LAYER_PRIVILEGE, NULL, "changes its root"},
    {"io_uring", LAYER_PRIVILEGE, NULL, "sets up io_uring"},
    {"bpf", LAYER_PRIVILEGE, NULL, "calls bpf"},
    {"keyctl", LAYER_PRIVILEGE, NULL, "calls keyctl and add_key"},
    {"kernel_calls", LAYER_PRIVILEGE, NULL,
     "calls perf_event_open, userfaultfd, setns, fsopen, open_by_handle_at, init_module, pidfd_getfd"},
    {"leave_ipc", LAYER_PRIVILEGE, NULL, "leaves shared memory and message queues for the next task"},
    {"leave_processes", LAYER_PRIVILEGE, NULL, "leaves a daemon that is deaf to signals"},
};

static const char *const verdict_names[] = {"held", "broken", "missing", "absent"};

const char *probe_verdict_name(enum probe_verdict verdict)
{
    return verdict_names[verdict];
}

size_t probe_find(const char *name)
{
    size_t probe = 0;
    while (probe < PROBE_COUNT && strcmp(probes[probe].name, name) != 0)
        probe++;
    return probe;
}

void probe_note(struct probe_findings *findings, size_t probe, unsigned slot, enum probe_state state,
                const char *detail)
{
    struct probe_finding *finding = &findings->items[probe];
    if (state < finding->state || (state == finding->state && finding->detail[0] != '\0'))
        return;
    finding->state = state;
    finding->slot = slot;
    (void)snprintf(finding->detail, sizeof finding->detail, "%s", detail);
}

/* One line, NUL-terminated; it is cut up. */
static bool read_line(struct probe_findings *findings, unsigned slot, char *line)
{
    char *rest = line;
    const char *name = strsep(&rest, " ");
    const char *word = strsep(&rest, " ");
    size_t probe = probe_find(name);
    if (probe == PROBE_COUNT || word == NULL || rest == NULL || rest[0] == '\0')
        return false;
    if (strcmp(word, "held") == 0)
        probe_note(findings, probe, slot, PROBE_HELD, rest);
    else if (strcmp(word, "broken") == 0)
        probe_note(findings, probe, slot, PROBE_BROKEN, rest);
    else
        return false;
    return true;
}

bool probe_read_report(struct probe_findings *findings, unsigned slot, const char *text, size_t text_size,
                       char *bad, size_t size)
{
    char line[256], copy[256];
    while (text_size > 0) {
        const char *end = memchr(text, '\n', text_size);
        size_t length = end != NULL ? (size_t)(end - text) : text_size;
        size_t taken = length < sizeof line ? length : sizeof line - 1;
        memcpy(line, text, taken);
        line[taken] = '\0';
        memcpy(copy, line, taken + 1);
        if (length != taken || strlen(line) != taken || !read_line(findings, slot, line)) {
            (void)snprintf(bad, size, "%s", copy);
            return false;
        }
        length += end != NULL;
        text += length;
        text_size -= length;
    }
    return true;
}

static bool is_missing(const char *mechanism, const char *const *mechanisms)
{
    for (; mechanism != NULL && *mechanisms != NULL; mechanisms++)
        if (strncmp(*mechanisms, MECHANISM_MISSING, strlen(MECHANISM_MISSING)) == 0 &&
            strcmp(*mechanisms + strlen(MECHANISM_MISSING), mechanism) == 0)
            return true;
    return false;
}

enum probe_verdict probe_judge(const struct probe_findings *findings, size_t probe,
                               const char *const *mechanisms)
{
    switch (findings->items[probe].state) {
    case PROBE_HELD:
        return VERDICT_HELD;
    case PROBE_ABSENT:
        return VERDICT_ABSENT;
    case PROBE_SILENT:
    case PROBE_BROKEN:
        break;
    }
    return is_missing(probes[probe].mechanism, mechanisms) ? VERDICT_MISSING : VERDICT_BROKEN;
}

void probe_judge_layer(const struct probe_findings *findings, enum sandbox_layer layer,
                       const char *const *mechanisms, struct layer_verdict *verdict)
{
    *verdict = (struct layer_verdict){.first_broken = PROBE_COUNT};
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        if (probes[i].layer != layer)
            continue;
        enum probe_verdict one = probe_judge(findings, i, mechanisms);
        verdict->tried += one != VERDICT_ABSENT;
        verdict->held += one == VERDICT_HELD;
        verdict->missing += one == VERDICT_MISSING;
        verdict->broken += one == VERDICT_BROKEN;
        if (one == VERDICT_BROKEN && verdict->first_broken == PROBE_COUNT)
            verdict->first_broken = i;
    }
}
