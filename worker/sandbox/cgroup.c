#include "worker/sandbox/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/cgroup_internal.h"

#define LEAF_PREFIX    "assay-"
#define REMOVE_TRIES   200
#define REMOVE_WAIT_NS 5000000

const char *const cgroup_controller_names[CGROUP_CONTROLLERS] = {
    [CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids", [CGROUP_CPU] = "cpu", [CGROUP_CPUACCT] = "cpuacct"};

static bool list_has(const char *list, size_t size, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; at < list + size;) {
        const char *comma = memchr(at, ',', (size_t)(list + size - at));
        size_t part = comma != NULL ? (size_t)(comma - at) : (size_t)(list + size - at);
        if (part == length && memcmp(at, word, length) == 0)
            return true;
        at += part + 1;
    }
    return false;
}

/* proc_pid_cgroup(5): "4:memory:/path", "0::/path" for v2. */
static bool own_path(const char *controller, char *path)
{
    autofile FILE *file = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX + 256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *list = strchr(line, ':');
        char *where = list != NULL ? strchr(list + 1, ':') : NULL;
        if (where == NULL)
            continue;
        size_t size = (size_t)(where - list - 1);
        if (controller == NULL ? size != 0 : !list_has(list + 1, size, controller))
            continue;
        where[strcspn(where, "\n")] = '\0';
        (void)snprintf(path, PATH_MAX, "%s", where + 1);
        return true;
    }
    return false;
}

/* proc_pid_mountinfo(5): id parent device root mount_point options ... - type source super_options */
static bool mount_of(const char *controller, char *root, char *point)
{
    autofile FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[4 * PATH_MAX];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char type[64], super[1024];
        char *rest = strstr(line, " - ");
        if (rest == NULL || sscanf(rest, " - %63s %*s %1023s", type, super) != 2 ||
            sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2)
            continue;
        bool wanted = controller == NULL
                          ? strcmp(type, "cgroup2") == 0
                          : strcmp(type, "cgroup") == 0 && list_has(super, strlen(super), controller);
        if (wanted)
            return true;
    }
    return false;
}

bool cgroup_find_own(const char *controller, char *folder)
{
    char path[PATH_MAX], root[PATH_MAX], point[PATH_MAX];
    const char *below = path;

    if (!own_path(controller, path) || !mount_of(controller, root, point))
        return false;
    /* A container without a cgroup namespace sees its own cgroup as the root of the mount. */
    if (strcmp(root, "/") != 0 && strncmp(path, root, strlen(root)) == 0)
        below = path + strlen(root);
    if (strcmp(below, "/") == 0)
        below = "";
    int size = snprintf(folder, PATH_MAX, "%s%s", point, below);
    return size > 0 && size < PATH_MAX && strstr(folder, "/..") == NULL;
}

void cgroup_note_problem(struct cgroup *cgroup, const char *format, ...)
{
    int failure = errno;
    va_list arguments;

    if (cgroup->problem[0] != '\0')
        return;
    va_start(arguments, format);
    (void)vsnprintf(cgroup->problem, sizeof(cgroup->problem), format, arguments);
    va_end(arguments);
    size_t size = strlen(cgroup->problem);
    if (failure != 0)
        (void)snprintf(cgroup->problem + size, sizeof(cgroup->problem) - size, ": %s", strerror(failure));
}

/* A worker that was killed cannot remove its leaves: the next one does. An occupied leaf cannot be removed.
 */
static void sweep(const char *folder)
{
    DIR *stream = opendir(folder);

    if (stream == NULL)
        return;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        const char *number = entry->d_name + strlen(LEAF_PREFIX);
        char *end;
        if (strncmp(entry->d_name, LEAF_PREFIX, strlen(LEAF_PREFIX)) != 0 || !isdigit((unsigned char)*number))
            continue;
        long pid = strtol(number, &end, 10);
        if (*end == '-' && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            (void)unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR);
    }
    (void)closedir(stream);
}

bool cgroup_make_leaf(const char *folder, const char *name, char *leaf)
{
    int size = snprintf(leaf, PATH_MAX, "%s/%s", folder, name);

    if (size < 0 || size >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    sweep(folder);
    return mkdir(leaf, 0755) == 0 || errno == EEXIST;
}

bool cgroup_write(const char *folder, const char *file, const char *text)
{
    char path[PATH_MAX + 64];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

bool cgroup_write_number(const char *folder, const char *file, int64_t value)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    return cgroup_write(folder, file, text);
}

static int64_t number_in(int fd, const char *key, int64_t missing)
{
    char text[4096];

    ssize_t size = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;
    if (size <= 0)
        return missing;
    text[size] = '\0';
    if (key == NULL)
        return isdigit((unsigned char)text[0]) ? strtoll(text, NULL, 10) : missing;
    for (const char *line = text; line != NULL;) {
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ' ')
            return strtoll(line + strlen(key), NULL, 10);
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return missing;
}

int64_t cgroup_read_number(const char *folder, const char *file, const char *key, int64_t missing)
{
    char path[PATH_MAX + 64];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return number_in(fd, key, missing);
}

void cgroup_init_files(struct cgroup *cgroup)
{
    for (size_t i = 0; i < CGROUP_FILES; i++)
        cgroup->files[i] = CGROUP_NOT_OPENED;
}

int64_t cgroup_count(struct cgroup *cgroup, enum cgroup_file which, const char *folder, const char *file,
                     const char *key, int64_t missing)
{
    char path[PATH_MAX + 64];

    if (cgroup->files[which] == CGROUP_NOT_OPENED) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
        cgroup->files[which] = open(path, O_RDONLY | O_CLOEXEC);
    }
    return number_in(cgroup->files[which], key, missing);
}

struct cgroup *cgroup_open(const char *name, struct err *err)
{
    struct cgroup *cgroup = calloc(1, sizeof(*cgroup));

    if (cgroup == NULL) {
        err_set(err, ERR_NO_MEMORY, "open a cgroup: out of memory");
        return NULL;
    }
    cgroup->peak = -1;
    cgroup_init_files(cgroup);
    errno = 0;
    if (!cgroup_v1_make(cgroup, name) && !cgroup_v2_make(cgroup, name))
        cgroup_note_problem(cgroup, "no cgroup hierarchy is mounted");
    return cgroup;
}

/* The processes of a leaf are gone for the caller a moment before they are for the cgroup. */
static void remove_leaf(const char *folder)
{
    const struct timespec moment = {0, REMOVE_WAIT_NS};

    for (int i = 0; i < REMOVE_TRIES; i++) {
        if (rmdir(folder) == 0 || errno != EBUSY)
            return;
        (void)nanosleep(&moment, NULL);
    }
}

void cgroup_close(struct cgroup *cgroup)
{
    if (cgroup == NULL)
        return;
    close_fd(&cgroup->peak);
    for (size_t i = 0; i < CGROUP_FILES; i++)
        close_fd(&cgroup->files[i]);
    for (size_t i = 0; i < CGROUP_CONTROLLERS && !cgroup->is_container; i++)
        if (cgroup->folders[i][0] != '\0')
            remove_leaf(cgroup->folders[i]);
    free(cgroup);
}

uint64_t cgroup_mechanisms(const struct cgroup *cgroup)
{
    return cgroup->mechanisms;
}

const char *cgroup_problem(const struct cgroup *cgroup)
{
    return cgroup->problem;
}

bool cgroup_add(const struct cgroup *cgroup, pid_t pid, struct err *err)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS && !cgroup->is_container; i++) {
        const char *folder = cgroup->folders[i];
        if (folder[0] == '\0' || (i > 0 && strcmp(folder, cgroup->folders[i - 1]) == 0))
            continue;
        if (!cgroup_write_number(folder, "cgroup.procs", pid))
            return err_set_errno(err, ERR_INFRA, "cgroup_%s: move the slot into %s",
                                 cgroup_controller_names[i], folder);
    }
    return true;
}

static bool has_limits(const struct cgroup *cgroup, const struct cgroup_limits *limits)
{
    return cgroup->has_limits && cgroup->limits.memory_bytes == limits->memory_bytes &&
           cgroup->limits.processes == limits->processes &&
           cgroup->limits.cpu_permille == limits->cpu_permille;
}

bool cgroup_limit(struct cgroup *cgroup, const struct cgroup_limits *limits, struct err *err)
{
    if (cgroup->version == NULL || cgroup->is_container || has_limits(cgroup, limits))
        return true;
    /* A failure half-way leaves neither the old nor the new. */
    cgroup->has_limits = false;
    if (!cgroup->version->limit(cgroup, limits, err))
        return false;
    cgroup->limits = *limits;
    cgroup->has_limits = true;
    return true;
}

void cgroup_reset_peak(struct cgroup *cgroup)
{
    if (cgroup->version != NULL && !cgroup->is_container)
        cgroup->version->reset_peak(cgroup);
}

void cgroup_read(struct cgroup *cgroup, struct cgroup_counters *counters)
{
    memset(counters, 0, sizeof(*counters));
    if (cgroup->version != NULL)
        cgroup->version->read(cgroup, counters);
}

static int open_counter(const struct cgroup *cgroup, enum cgroup_controller controller, const char *file)
{
    char path[PATH_MAX + 64];

    if (cgroup->version == NULL || cgroup->folders[controller][0] == '\0')
        return -1;
    (void)snprintf(path, sizeof(path), "%s/%s", cgroup->folders[controller], file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int cgroup_cpu_usage(const struct cgroup *cgroup)
{
    return cgroup->version != NULL ? open_counter(cgroup, CGROUP_CPUACCT, cgroup->version->cpu_usage_file)
                                   : -1;
}

int cgroup_memory_stat(const struct cgroup *cgroup)
{
    return open_counter(cgroup, CGROUP_MEMORY, "memory.stat");
}
