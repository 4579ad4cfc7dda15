#include "worker/sandbox/root_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/text.h"
#include "worker/sandbox/sandbox.h"

#define BASE "/tmp" /* where the new root is mounted before it becomes the root; hidden from then on */
/* Folders between the root of the namespace and a chroot, at most. */
#define CHROOT_DEPTH_MAX 256
#define TREES_MAX        256
#define COPY_MAX         (4 << 20)

/* A part of the machine's tree, cloned before anything is mounted over it, and where it will be shown. */
struct tree {
    int fd;
    bool is_folder;
    char target[PATH_MAX]; /* relative to the new root */
};

struct trees {
    size_t count;
    struct tree items[TREES_MAX];
};

struct small_file {
    const char *path;
    const char *text;
};

static const char *const system_folders[] = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"};
static const char *const device_nodes[] = {"null", "zero", "full", "random", "urandom"};
static const char *const etc_copies[] = {"etc/ld.so.cache", "etc/localtime", "etc/timezone",
                                         "etc/protocols",   "etc/services",  "etc/mime.types"};
static const char *const folders[] = {"proc", "dev", "dev/shm", "tmp", "work",
                                      "etc",  "var", "var/tmp", "run", "assay"};
static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                       {"/proc/self/fd/0", "dev/stdin"},
                                       {"/proc/self/fd/1", "dev/stdout"},
                                       {"/proc/self/fd/2", "dev/stderr"},
                                       {"/usr/lib/os-release", "etc/os-release"}};
static const struct small_file small_files[] = {
    {"etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
                   "assay:x:1000:1000:assay:/work:/bin/bash\n"
                   "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\nassay:x:1000:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
    {"etc/hostname", "assay\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"},
};

static bool make_folders(const char *path, struct err *err)
{
    char part[PATH_MAX];

    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        (void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return err_set_errno(err, ERR_INFRA, "read_only_root: make the folder /%s", part);
    }
    return true;
}

static bool write_file(const char *path, const char *data, size_t size, struct err *err)
{
    autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return err_set_errno(err, ERR_INFRA, "read_only_root: write /%s", path);
    return true;
}

/* Copies a small file of the machine; one that it does not have is left out. */
static bool copy_file(const char *relative, struct err *err)
{
    char source[PATH_MAX];
    struct stat status;

    (void)snprintf(source, sizeof(source), "/%s", relative);
    autofd int in = open(source, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return true;
    if (fstat(in, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > COPY_MAX)
        return true;
    size_t size = (size_t)status.st_size;
    autofree char *data = malloc(size + 1);
    if (data == NULL || read(in, data, size) != (ssize_t)size)
        return err_set_errno(err, ERR_INFRA, "read_only_root: read %s", source);
    return write_file(relative, data, size, err);
}

/* Clones what lies at `source`, with everything mounted below it, read-only. Absent sources are skipped. */
static bool clone_tree(struct trees *trees, const char *source, const char *target, bool is_device,
                       struct err *err)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
    struct stat status;

    if (stat(source, &status) != 0 && errno == ENOENT)
        return true;
    if (trees->count == TREES_MAX)
        return err_set(err, ERR_CONFIG, "read_only_root: more than %d paths to show", TREES_MAX);
    autofd int fd = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set_errno(err, ERR_INFRA, "read_only_root: clone the mounts at %s", source);
    attributes.attr_set |= is_device ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV;
    if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) != 0)
        return err_set_errno(err, ERR_INFRA, "read_only_root: make %s read-only", source);
    struct tree *tree = &trees->items[trees->count++];
    tree->fd = steal_fd(&fd);
    tree->is_folder = S_ISDIR(status.st_mode);
    (void)snprintf(tree->target, sizeof(tree->target), "%s", target);
    return true;
}

/* What would lie under a mount of the task's own, unseen. */
static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);

    return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

bool root_fs_check_shown(const char *path, struct err *err)
{
    static const char *const taken[] = {SANDBOX_WORK_DIR, "/tmp", "/dev", "/proc", "/sys"};

    if (path[0] != '/' || text_path_problem(path + 1, strlen(path + 1)) != NULL)
        return err_set(err, ERR_CONFIG, "read_only_paths: %s is not a plain absolute path below /", path);
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
        if (is_below(path, taken[i]))
            return err_set(err, ERR_CONFIG, "read_only_paths: %s cannot be shown: %s is the sandbox's own",
                           path, taken[i]);
    return true;
}

static bool clone_trees(struct trees *trees, const char *harness_dir, const char *const *read_only_paths,
                        struct err *err)
{
    char source[PATH_MAX];
    struct stat status;

    for (size_t i = 0; i < ARRAY_SIZE(system_folders); i++) {
        (void)snprintf(source, sizeof(source), "/%s", system_folders[i]);
        if (lstat(source, &status) == 0 && S_ISDIR(status.st_mode) &&
            !clone_tree(trees, source, system_folders[i], false, err))
            return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(device_nodes); i++) {
        (void)snprintf(source, sizeof(source), "/dev/%s", device_nodes[i]);
        if (!clone_tree(trees, source, source + 1, true, err))
            return false;
    }
    if (!clone_tree(trees, "/etc/alternatives", "etc/alternatives", false, err))
        return false;
    if (stat(harness_dir, &status) != 0)
        return err_set_errno(err, ERR_CONFIG, "harness folder %s", harness_dir);
    if (!clone_tree(trees, harness_dir, &SANDBOX_HARNESS_DIR[1], false, err))
        return false;
    for (size_t i = 0; read_only_paths[i] != NULL; i++)
        if (!root_fs_check_shown(read_only_paths[i], err) ||
            !clone_tree(trees, read_only_paths[i], read_only_paths[i] + 1, false, err))
            return false;
    return true;
}

/* /bin, /lib64 and the like are links into /usr on a merged system. */
static bool copy_link(const char *name, struct err *err)
{
    char source[PATH_MAX], target[PATH_MAX];

    (void)snprintf(source, sizeof(source), "/%s", name);
    ssize_t size = readlink(source, target, sizeof(target) - 1);
    if (size < 0)
        return true;
    target[size] = '\0';
    if (symlink(target, name) != 0)
        return err_set_errno(err, ERR_INFRA, "read_only_root: link /%s", name);
    return true;
}

static bool attach_tree(const struct tree *tree, struct err *err)
{
    char parent[PATH_MAX];

    (void)snprintf(parent, sizeof(parent), "%s", tree->target);
    char *slash = strrchr(parent, '/');
    if (slash != NULL)
        *slash = '\0';
    if (slash != NULL && !make_folders(parent, err))
        return false;
    if (tree->is_folder) {
        if (!make_folders(tree->target, err))
            return false;
    } else {
        autofd int fd = open(tree->target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
            return err_set_errno(err, ERR_INFRA, "read_only_root: make a place for /%s", tree->target);
    }
    if (move_mount(tree->fd, "", AT_FDCWD, tree->target, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return err_set_errno(err, ERR_INFRA, "read_only_root: show /%s", tree->target);
    return true;
}

/* In the new root, which is the working directory. */
static bool populate(const struct trees *trees, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (!make_folders(folders[i], err))
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(system_folders); i++)
        if (!copy_link(system_folders[i], err))
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        if (symlink(links[i][0], links[i][1]) != 0)
            return err_set_errno(err, ERR_INFRA, "read_only_root: link /%s", links[i][1]);
    for (size_t i = 0; i < ARRAY_SIZE(small_files); i++)
        if (!write_file(small_files[i].path, small_files[i].text, strlen(small_files[i].text), err))
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(etc_copies); i++)
        if (!copy_file(etc_copies[i], err))
            return false;
    for (size_t i = 0; i < trees->count; i++)
        if (!attach_tree(&trees->items[i], err))
            return false;
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return err_set_errno(err, ERR_INFRA, "pid_namespace: mount /proc of the slot");
    return true;
}

/*
 * The worker may run in a chroot (a Debian made by debootstrap). There "/" need not be a mount, so that it
 * can be neither made private nor pivoted away; and a process whose root is not its mount namespace's may
 * make no user namespace (user_namespaces(7), EPERM). Who may chroot can also leave: with the root further
 * in, the working directory lies outside of it, and nothing stops the way up.
 */
static bool go_to_namespace_root(struct err *err)
{
    bool reached = chdir("/") == 0 && chroot("proc") == 0;
    for (int i = 0; reached && i < CHROOT_DEPTH_MAX; i++)
        reached = chdir("..") == 0;
    if (!reached || chroot(".") != 0)
        return err_set_errno(err, ERR_INFRA, "mount_namespace: go to its root");
    return true;
}

static bool make_mounts_private(struct err *err)
{
    autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || !go_to_namespace_root(err))
        return err_wrap(err, "mount_namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return err_set_errno(err, ERR_INFRA, "mount_namespace: make the mounts private");
    if (fchdir(root) != 0 || chroot(".") != 0)
        return err_set_errno(err, ERR_INFRA, "mount_namespace: come back from its root");
    return true;
}

static bool become_root(struct err *err)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};

    autofd int new_root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (new_root < 0 || !go_to_namespace_root(err))
        return err_wrap(err, "read_only_root");
    if (fchdir(new_root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
        return err_set_errno(err, ERR_INFRA, "read_only_root: pivot_root");
    /* The old root now lies over the new one, at the same place. */
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return err_set_errno(err, ERR_INFRA, "read_only_root: leave the old root");
    if (mount_setattr(AT_FDCWD, "/", 0, &attributes, sizeof(attributes)) != 0)
        return err_set_errno(err, ERR_INFRA, "read_only_root: make / read-only");
    return true;
}

bool root_fs_enter(const char *harness_dir, const char *const *read_only_paths, struct err *err)
{
    bool built;

    (void)umask(0022);
    if (!make_mounts_private(err))
        return false;
    struct trees *trees = calloc(1, sizeof(*trees));
    if (trees == NULL)
        return err_set(err, ERR_NO_MEMORY, "read_only_root: out of memory");
    built = clone_trees(trees, harness_dir, read_only_paths, err);
    if (built &&
        (mount("assay", BASE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=16m,nr_inodes=4096") != 0 ||
         chdir(BASE) != 0))
        built = err_set_errno(err, ERR_INFRA, "read_only_root: mount a tmpfs on %s", BASE);
    built = built && populate(trees, err) && become_root(err);
    for (size_t i = 0; i < trees->count; i++)
        close_fd(&trees->items[i].fd);
    free(trees);
    return built;
}
