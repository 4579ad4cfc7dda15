#include "worker/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
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

static const struct allowance allowances[] = {
    {"/usr", FS_READ_AND_EXECUTE},
    {"/bin", FS_READ_AND_EXECUTE},
    {"/sbin", FS_READ_AND_EXECUTE},
    {"/lib", FS_READ_AND_EXECUTE},
    {"/lib32", FS_READ_AND_EXECUTE},
    {"/lib64", FS_READ_AND_EXECUTE},
    {"/libx32", FS_READ_AND_EXECUTE},
    {SANDBOX_HARNESS_DIR, FS_READ_AND_EXECUTE},
    {"/proc", FS_READ},
    {"/dev/null", FS_DEVICE},
    {"/dev/zero", FS_DEVICE},
    {"/dev/full", FS_DEVICE},
    {"/dev/random", FS_DEVICE},
    {"/dev/urandom", FS_DEVICE},
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

static bool allow(int ruleset, const struct allowance *allowance, uint64_t handled, struct err *err)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = allowance->rights & handled};
    struct stat status;
    autofd int fd = open(allowance->path, O_PATH | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set_errno(err, ERR_INFRA, "landlock: open %s", allowance->path);
    if (!S_ISDIR(status.st_mode))
        rule.allowed_access &= FS_RIGHTS_OF_A_FILE;
    rule.parent_fd = fd;
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "landlock: allow %s", allowance->path);
    return true;
}

static bool allow_all(int ruleset, const struct allowance *list, size_t count, uint64_t handled,
                      struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!allow(ruleset, &list[i], handled, err))
            return false;
    return true;
}

int landlock_build(const char *const *read_only_paths, bool whole_image, uint64_t *mechanisms,
                   struct err *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        err_set_errno(err, ERR_INFRA,
                      "landlock: not in this kernel, or not among its security modules (kernel option lsm=)");
        return -1;
    }
    struct ruleset_attributes attributes = rights_of(abi);
    autofd int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size_of(abi), 0);
    if (ruleset < 0) {
        err_set_errno(err, ERR_INFRA, "landlock: make a ruleset (ABI %ld)", abi);
        return -1;
    }
    const struct allowance *of_root = whole_image ? image : own_root;
    size_t of_root_count = whole_image ? ARRAY_SIZE(image) : ARRAY_SIZE(own_root);
    if (!allow_all(ruleset, allowances, ARRAY_SIZE(allowances), attributes.handled_access_fs, err) ||
        !allow_all(ruleset, of_root, of_root_count, attributes.handled_access_fs, err))
        return -1;
    for (size_t i = 0; read_only_paths[i] != NULL; i++) {
        const struct allowance shown = {read_only_paths[i], FS_READ_AND_EXECUTE};
        if (!allow(ruleset, &shown, attributes.handled_access_fs, err))
            return -1;
    }
    *mechanisms |= MECHANISM_BIT(MECHANISM_LANDLOCK);
    if (attributes.handled_access_net != 0)
        *mechanisms |= MECHANISM_BIT(MECHANISM_LANDLOCK_NET);
    if (attributes.scoped != 0)
        *mechanisms |= MECHANISM_BIT(MECHANISM_LANDLOCK_SCOPES);
    return steal_fd(&ruleset);
}

bool landlock_enforce(int ruleset, struct err *err)
{
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "landlock: enforce the ruleset");
    return true;
}
