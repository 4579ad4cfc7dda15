#include "worker/sandbox/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/text.h"
#include "worker/sandbox/sandbox.h"

#define KEEP_BYTES_MAX ((off_t)8 << 20)

/* The last one is mounted over the tmpfs itself and hides it. */
static const struct place {
    const char *part;  /* of the tmpfs */
    const char *shown; /* where programs see it */
} places[] = {
    {SANDBOX_WORK_DIR "/tmp", "/tmp"},
    {SANDBOX_WORK_DIR "/shm", "/dev/shm"},
    {SANDBOX_WORK_DIR "/work", SANDBOX_WORK_DIR},
};

const char *const workspace_places[] = {SANDBOX_WORK_DIR, "/tmp", "/dev/shm", NULL};

/* Files of /proc that tell of keys of other tasks of the same uid. */
static const char *const masked[] = {"/proc/keys", "/proc/key-users"};

int64_t workspace_inodes(int64_t disk_bytes)
{
    int64_t inodes = disk_bytes / 8192;

    if (inodes < 1024)
        return 1024;
    return inodes > 262144 ? 262144 : inodes;
}

static bool mount_proc(struct err *err)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    if (mount("proc", "/proc", "proc", flags | MS_RDONLY, NULL) != 0)
        return err_set_errno(err, ERR_INFRA, "pid_namespace: mount /proc of the task");
    for (size_t i = 0; i < ARRAY_SIZE(masked); i++) {
        if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) != 0 && errno != ENOENT)
            return err_set_errno(err, ERR_INFRA, "pid_namespace: hide %s", masked[i]);
    }
    return true;
}

bool workspace_mount(int64_t disk_bytes, struct err *err)
{
    char options[128];

    (void)snprintf(options, sizeof(options), "mode=0755,size=%" PRId64 ",nr_inodes=%" PRId64, disk_bytes,
                   workspace_inodes(disk_bytes));
    /* Mounted where it stays: an unmount would wait for every CPU of the machine (an RCU grace period). */
    if (mount("assay", SANDBOX_WORK_DIR, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
        return err_set_errno(err, ERR_INFRA, "tmpfs: mount the workspace (%s)", options);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (mkdir(places[i].part, 0755) != 0 ||
            mount(places[i].part, places[i].shown, NULL, MS_BIND, NULL) != 0)
            return err_set_errno(err, ERR_INFRA, "tmpfs: show the workspace at %s", places[i].shown);
    }
    return mount_proc(err);
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_one(int folder, const struct wire_file *file, struct err *err)
{
    autofd int here = fcntl(folder, F_DUPFD_CLOEXEC, 10);
    const char *name = file->path;
    char part[256];

    if (here < 0)
        return err_set_errno(err, ERR_INFRA, "write the file %s", file->path);
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(name, '/')) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
        if (mkdirat(here, part, 0755) != 0 && errno != EEXIST)
            return err_set_errno(err, ERR_INFRA, "make the folder of the file %s", file->path);
        int below = openat(here, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0)
            return err_set_errno(err, ERR_INFRA, "open the folder of the file %s", file->path);
        close_fd(&here);
        here = below;
        name = slash + 1;
    }
    autofd int fd = openat(here, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           file->executable ? 0755 : 0644);
    if (fd < 0 || !write_all(fd, file->data, file->size))
        return err_set_errno(err, ERR_INFRA, "write the file %s (%zu bytes)", file->path, file->size);
    return true;
}

bool workspace_write(const char *folder, struct wire_view *files, uint32_t count, struct err *err)
{
    autofd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct wire_file file;

    if (fd < 0)
        return err_set_errno(err, ERR_INFRA, "open the workspace");
    for (uint32_t i = 0; i < count; i++) {
        if (!wire_view_file(files, &file))
            return err_set(err, ERR_INTERNAL, "file %u of %u for the sandbox is cut off", i + 1, count);
        const char *problem = text_path_problem(file.path, strlen(file.path));
        if (problem != NULL)
            return err_set(err, ERR_INTERNAL, "the file name %.200s %s", file.path, problem);
        if (!write_one(fd, &file, err))
            return false;
    }
    return true;
}

/* Nothing of the task runs now. What is no plain file, is missing or too large is not kept. */
static bool keep_one(struct wire_blob *blob, int folder, const char *name)
{
    struct stat status;

    autofd int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 ||
        status.st_size > KEEP_BYTES_MAX)
        return false;
    size_t size = (size_t)status.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return false;
    wire_blob_file(blob, name, (status.st_mode & S_IXUSR) != 0, data, size);
    (void)munmap(data, size);
    return !blob->failed;
}

int workspace_keep(const char *folder, struct wire_view *names, uint32_t count)
{
    autofd int here = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct wire_blob blob;

    if (count == 0 || here < 0)
        return -1;
    wire_blob_open(&blob);
    bool all = true;
    for (uint32_t i = 0; i < count && all; i++) {
        const char *name = wire_view_string(names);
        all = name != NULL && strchr(name, '/') == NULL && keep_one(&blob, here, name);
    }
    int fd = all ? wire_blob_seal(&blob, NULL) : -1;
    wire_blob_discard(&blob);
    return fd;
}

bool workspace_is_full(void)
{
    struct statfs status;

    for (size_t i = 0; workspace_places[i] != NULL; i++)
        if (statfs(workspace_places[i], &status) == 0 && (status.f_bavail == 0 || status.f_ffree == 0))
            return true;
    return false;
}

bool workspace_check_mounts(struct err *err)
{
    struct statfs status;
    struct stat here, above;
    char parent[64];

    for (size_t i = 0; workspace_places[i] != NULL; i++) {
        const char *place = workspace_places[i];
        (void)snprintf(parent, sizeof(parent), "%s/..", place);
        if (stat(place, &here) != 0 || stat(parent, &above) != 0 || statfs(place, &status) != 0)
            return err_set_errno(err, ERR_CONFIG, "tmpfs: look at %s", place);
        if (status.f_type != TMPFS_MAGIC || here.st_dev == above.st_dev || status.f_blocks == 0 ||
            status.f_files == 0)
            return err_set(err, ERR_CONFIG,
                           "tmpfs: %s must be a tmpfs of its own with size= and nr_inodes= (see "
                           "compose/executor.yaml)",
                           place);
        if ((here.st_mode & 07777) != 01777 || here.st_uid != 0)
            return err_set(err, ERR_CONFIG, "tmpfs: %s must be root's with mode=1777", place);
    }
    return true;
}

bool workspace_exceeds(int64_t disk_bytes)
{
    int64_t bytes = 0, inodes = 0;
    struct statfs status;

    for (size_t i = 0; workspace_places[i] != NULL; i++) {
        if (statfs(workspace_places[i], &status) != 0)
            continue;
        bytes += (int64_t)(status.f_blocks - status.f_bfree) * (int64_t)status.f_bsize;
        inodes += (int64_t)(status.f_files - status.f_ffree);
    }
    return bytes > disk_bytes || inodes > workspace_inodes(disk_bytes);
}
