#include "worker/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/mechanisms.h"
#include "worker/sandbox/sandbox.h"

/* Of later kernels than Debian 12's header: truncate is of ABI 3, TCP of 4, ioctl of 5, scopes of 6. */
#define FS_TRUNCATE         (1ULL << 14)
#define FS_IOCTL_DEV        (1ULL << 15)
#define NET_BIND_TCP        (1ULL << 0)
#define NET_CONNECT_TCP     (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL        (1ULL << 1)
#define FS_RIGHTS_OF_ABI_1  ((1ULL << 13) - 1)
#define FS_READ_AND_EXECUTE (LANDLOCK_ACCESS_FS_EXECUTE | FS_READ)
#define FS_READ             (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_DEVICE           (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_IOCTL_DEV)
#define FS_RIGHTS_OF_A_FILE                                                                                  \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |             \
     FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset_attributes { /* landlock_ruleset_attr of ABI 6 */
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct allowance {
    const char *path;
    uint64_t rights;
};

/* A rule before it is in a ruleset. The kernel ties it to the file itself, whatever path led there. */
struct rule {
    int fd;
    uint64_t rights;
};

struct landlock {
    long abi;
    struct ruleset_attributes attributes;
    size_t count;
    struct rule rules[];
};

static const struct allowance allowances[] = {
    {"/usr", FS_READ_AND_EXECUTE},    {"/bin", FS_READ_AND_EXECUTE},
    {"/sbin", FS_READ_AND_EXECUTE},   {"/lib", FS_READ_AND_EXECUTE},
    {"/lib32", FS_READ_AND_EXECUTE},  {"/lib64", FS_READ_AND_EXECUTE},
    {"/libx32", FS_READ_AND_EXECUTE}, {SANDBOX_HARNESS_DIR, FS_READ_AND_EXECUTE},
    {"/dev/null", FS_DEVICE},         {"/dev/zero", FS_DEVICE},
    {"/dev/full", FS_DEVICE},         {"/dev/random", FS_DEVICE},
    {"/dev/urandom", FS_DEVICE},
};

/* Mounted for each task. */
static const struct allowance of_the_task[] = {
    {"/proc", FS_READ},
    {SANDBOX_WORK_DIR, ~0ULL},
    {"/tmp", ~0ULL},
    {"/dev/shm", ~0ULL},
};

/* Where the root was made for the task. */
static const struct allowance own_root[] = {
    {"/", LANDLOCK_ACCESS_FS_READ_DIR},
    {"/etc", FS_READ_AND_EXECUTE},
};

/* Where the root is a container's image, with the worker's configuration and secrets in it. */
static const struct allowance image[] = {
    {"/etc/alternatives", FS_READ},   {"/etc/ld.so.cache", FS_READ},   {"/etc/localtime", FS_READ},
    {"/etc/timezone", FS_READ},       {"/etc/protocols", FS_READ},     {"/etc/services", FS_READ},
    {"/etc/mime.types", FS_READ},     {"/etc/passwd", FS_READ},        {"/etc/group", FS_READ},
    {"/etc/hosts", FS_READ},          {"/etc/nsswitch.conf", FS_READ}, {"/etc/os-release", FS_READ},
    {"/etc/debian_version", FS_READ}, {"/etc/bash.bashrc", FS_READ},   {"/etc/inputrc", FS_READ},
};

static struct ruleset_attributes rights_of(long abi)
{
    struct ruleset_attributes attributes = {.handled_access_fs = FS_RIGHTS_OF_ABI_1};

    if (abi >= 2)
        attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        attributes.handled_access_fs |= FS_TRUNCATE;
    if (abi >= 4)
        attributes.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (abi >= 5)
        attributes.handled_access_fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        attributes.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    return attributes;
}

static size_t size_of(long abi)
{
    if (abi < 4)
        return offsetof(struct ruleset_attributes, handled_access_net);
    return abi < 6 ? offsetof(struct ruleset_attributes, scoped) : sizeof(struct ruleset_attributes);
}

/* fd -1: there is no such path, and nothing to allow. */
static bool open_rule(const struct allowance *allowance, uint64_t handled, struct rule *rule, struct err *err)
{
    struct stat status;
    autofd int fd = open(allowance->path, O_PATH | O_CLOEXEC);

    *rule = (struct rule){.fd = -1};
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set_errno(err, ERR_INFRA, "landlock: open %s", allowance->path);
    rule->rights = allowance->rights & handled;
    if (!S_ISDIR(status.st_mode))
        rule->rights &= FS_RIGHTS_OF_A_FILE;
    rule->fd = steal_fd(&fd);
    return true;
}

static bool open_rules(struct landlock *landlock, const struct allowance *list, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct rule *rule = &landlock->rules[landlock->count];
        if (!open_rule(&list[i], landlock->attributes.handled_access_fs, rule, err))
            return false;
        landlock->count += rule->fd >= 0;
    }
    return true;
}

struct landlock *landlock_open(const char *const *read_only_paths, bool whole_image, struct err *err)
{
    size_t shown = 0;

    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        err_set_errno(err, ERR_INFRA,
                      "landlock: not in this kernel, or not among its security modules (kernel option lsm=)");
        return NULL;
    }
    while (read_only_paths[shown] != NULL)
        shown++;
    const struct allowance *of_root = whole_image ? image : own_root;
    size_t of_root_count = whole_image ? ARRAY_SIZE(image) : ARRAY_SIZE(own_root);
    size_t most = ARRAY_SIZE(allowances) + of_root_count + shown;
    struct landlock *landlock = calloc(1, sizeof(*landlock) + most * sizeof(*landlock->rules));
    if (landlock == NULL) {
        err_set(err, ERR_NO_MEMORY, "landlock: out of memory");
        return NULL;
    }
    landlock->abi = abi;
    landlock->attributes = rights_of(abi);
    bool opened = open_rules(landlock, allowances, ARRAY_SIZE(allowances), err) &&
                  open_rules(landlock, of_root, of_root_count, err);
    for (size_t i = 0; i < shown && opened; i++)
        opened = open_rules(landlock, &(struct allowance){read_only_paths[i], FS_READ_AND_EXECUTE}, 1, err);
    if (opened)
        return landlock;
    landlock_close(landlock);
    return NULL;
}

void landlock_close(struct landlock *landlock)
{
    for (size_t i = 0; landlock != NULL && i < landlock->count; i++)
        close_fd(&landlock->rules[i].fd);
    free(landlock);
}

static bool add(int ruleset, const struct rule *rule, const char *what, struct err *err)
{
    struct landlock_path_beneath_attr attributes = {.allowed_access = rule->rights, .parent_fd = rule->fd};

    if (rule->fd >= 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attributes, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "landlock: allow %s", what);
    return true;
}

static bool add_all(int ruleset, const struct landlock *landlock, struct err *err)
{
    for (size_t i = 0; i < landlock->count; i++)
        if (!add(ruleset, &landlock->rules[i], "what the slot shows", err))
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(of_the_task); i++) {
        struct rule rule;
        if (!open_rule(&of_the_task[i], landlock->attributes.handled_access_fs, &rule, err))
            return false;
        bool added = add(ruleset, &rule, of_the_task[i].path, err);
        close_fd(&rule.fd);
        if (!added)
            return false;
    }
    return true;
}

int landlock_build(const struct landlock *landlock, uint64_t *mechanisms, struct err *err)
{
    autofd int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &landlock->attributes, size_of(landlock->abi), 0);

    if (ruleset < 0) {
        err_set_errno(err, ERR_INFRA, "landlock: make a ruleset (ABI %ld)", landlock->abi);
        return -1;
    }
    if (!add_all(ruleset, landlock, err))
        return -1;
    *mechanisms |= MECHANISM_BIT(MECHANISM_LANDLOCK);
    if (landlock->attributes.handled_access_net != 0)
        *mechanisms |= MECHANISM_BIT(MECHANISM_LANDLOCK_NET);
    if (landlock->attributes.scoped != 0)
        *mechanisms |= MECHANISM_BIT(MECHANISM_LANDLOCK_SCOPES);
    return steal_fd(&ruleset);
}

int landlock_build_for_server(const struct landlock *landlock, int library, struct err *err)
{
    static const struct allowance proc = {"/proc", LANDLOCK_ACCESS_FS_WRITE_FILE};
    const struct rule of_library = {library, LANDLOCK_ACCESS_FS_READ_FILE};
    uint64_t mechanisms = 0;
    struct rule rule;

    autofd int ruleset = landlock_build(landlock, &mechanisms, err);
    if (ruleset < 0 || !add(ruleset, &of_library, "a warm server's library", err) ||
        !open_rule(&proc, landlock->attributes.handled_access_fs, &rule, err))
        return -1;
    bool added = add(ruleset, &rule, proc.path, err);
    close_fd(&rule.fd);
    return added ? steal_fd(&ruleset) : -1;
}

bool landlock_enforce(int ruleset, struct err *err)
{
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "landlock: enforce the ruleset");
    return true;
}
