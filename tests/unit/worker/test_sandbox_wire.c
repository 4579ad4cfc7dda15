/* Frames, blobs and the pure parts of the sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/mechanisms.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/wire.h"
#include "worker/sandbox/workspace.h"

static void pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void test_a_frame_and_its_descriptors_arrive(void **state)
{
    struct wire_request sent = {.version = WIRE_VERSION, .kind = WIRE_RUN, .cpu_ms = 4711}, got;
    int ends[2], fds[WIRE_FDS_MAX], given[WIRE_FDS_MAX];
    size_t count;
    struct err err = ERR_INIT;

    (void)state;
    pair(ends);
    for (int i = 0; i < WIRE_FDS_MAX; i++)
        given[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(wire_send(ends[0], &sent, sizeof(sent), given, WIRE_FDS_MAX, &err));
    assert_int_equal(wire_receive(ends[1], &got, sizeof(got), fds, &count, 0, &err), WIRE_GOT);
    assert_int_equal(count, WIRE_FDS_MAX);
    assert_memory_equal(&got, &sent, sizeof(got));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
    wire_close_fds(fds, count);
    wire_close_fds(given, WIRE_FDS_MAX);
    assert_int_equal(wire_receive(ends[1], &got, sizeof(got), fds, &count, MSG_DONTWAIT, &err), WIRE_EMPTY);
    (void)close(ends[0]);
    assert_int_equal(wire_receive(ends[1], &got, sizeof(got), fds, &count, 0, &err), WIRE_CLOSED);
    (void)close(ends[1]);
}

static void test_a_wrong_frame_is_refused_and_leaks_nothing(void **state)
{
    struct wire_request sent = {.version = WIRE_VERSION + 1, .kind = WIRE_RUN}, got;
    char text[64];
    int ends[2], fds[WIRE_FDS_MAX];
    size_t count;
    struct err err = ERR_INIT;

    (void)state;
    pair(ends);
    int extra = open("/dev/null", O_RDONLY | O_CLOEXEC), next;
    assert_true(wire_send(ends[0], &sent, sizeof(sent), &extra, 1, &err));
    assert_int_equal(wire_receive(ends[1], &got, sizeof(got), fds, &count, 0, &err), WIRE_BROKEN);
    (void)snprintf(text, sizeof(text), "version %u instead of %u", WIRE_VERSION + 1, WIRE_VERSION);
    assert_non_null(strstr(err.text, text));
    assert_int_equal(count, 0);
    sent.version = WIRE_VERSION;
    assert_true(wire_send(ends[0], &sent, sizeof(sent) - 8, &extra, 1, &err)); /* short */
    assert_int_equal(wire_receive(ends[1], &got, sizeof(got), fds, &count, 0, &err), WIRE_BROKEN);
    char large[sizeof(sent) + 8] = {0};
    assert_true(wire_send(ends[0], large, sizeof(large), &extra, 1, &err));
    assert_int_equal(wire_receive(ends[1], &got, sizeof(got), fds, &count, 0, &err), WIRE_BROKEN);
    next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(next, extra + 1); /* what came with the refused frames was closed */
    assert_false(wire_send(ends[0], &sent, sizeof(sent), fds, WIRE_FDS_MAX + 1, &err));
    (void)close(next);
    (void)close(extra);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static int sealed(struct wire_blob *blob)
{
    struct err err = ERR_INIT;
    int fd = wire_blob_seal(blob, &err);

    if (fd < 0)
        fail_msg("%s", err.text);
    wire_blob_discard(blob);
    return fd;
}

static void test_a_blob_is_read_as_written(void **state)
{
    struct wire_blob blob;
    struct wire_view view;
    struct wire_file file;
    struct err err = ERR_INIT;

    (void)state;
    wire_blob_open(&blob);
    wire_blob_string(&blob, "first");
    wire_blob_string(&blob, "");
    wire_blob_file(&blob, "a/b", true, "\0\n\xff", 3);
    wire_blob_file(&blob, "empty", false, NULL, 0);
    assert_int_equal(blob.items, 4);
    int fd = sealed(&blob);
    assert_int_equal(write(fd, "x", 1), -1); /* sealed: not even we can change it */
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_true(wire_view_open(&view, fd, &err));
    assert_string_equal(wire_view_string(&view), "first");
    assert_string_equal(wire_view_string(&view), "");
    assert_true(wire_view_file(&view, &file));
    assert_string_equal(file.path, "a/b");
    assert_true(file.executable);
    assert_int_equal(file.size, 3);
    assert_memory_equal(file.data, "\0\n\xff", 3);
    assert_true(wire_view_file(&view, &file));
    assert_int_equal(file.size, 0);
    assert_false(file.executable);
    assert_false(wire_view_file(&view, &file));
    assert_null(wire_view_string(&view));
    wire_view_close(&view);
    (void)close(fd);
}

/* Small pieces are gathered, large ones are not. */
static void test_a_blob_keeps_the_order_of_pieces_of_all_sizes(void **state)
{
    static const size_t sizes[] = {1, 8000, 200, 100000, 0, 1, 8127, 8128, 8129, 3};
    static char data[100000];
    struct wire_blob blob;
    struct wire_view view;
    struct wire_file file;
    struct err err = ERR_INIT;

    (void)state;
    wire_blob_open(&blob);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        memset(data, 'a' + (int)i, sizes[i]);
        wire_blob_file(&blob, "file", false, data, sizes[i]);
    }
    int fd = sealed(&blob);
    assert_true(wire_view_open(&view, fd, &err));
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_true(wire_view_file(&view, &file));
        assert_string_equal(file.path, "file");
        assert_int_equal(file.size, sizes[i]);
        memset(data, 'a' + (int)i, sizes[i]);
        assert_memory_equal(file.data, data, sizes[i]);
    }
    assert_false(wire_view_file(&view, &file));
    wire_view_close(&view);
    (void)close(fd);
}

static void test_a_blob_that_is_cut_off_is_noticed(void **state)
{
    struct wire_blob blob;
    struct wire_view view;
    struct wire_file file;
    struct err err = ERR_INIT;

    (void)state;
    wire_blob_open(&blob);
    wire_blob_file(&blob, "name", false, "content", 7);
    int fd = sealed(&blob);
    assert_true(wire_view_open(&view, fd, &err));
    size_t whole = view.size;
    for (size_t size = 0; size < whole; size++) {
        struct wire_view cut = {view.data, size, 0};
        assert_false(wire_view_file(&cut, &file));
    }
    wire_view_close(&view);
    (void)close(fd);
}

static void test_a_blob_that_is_not_sealed_is_refused(void **state)
{
    struct wire_view view;
    struct err err = ERR_INIT;
    autofd int fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    (void)state;
    assert_false(wire_view_open(&view, fd, &err));
    assert_non_null(strstr(err.text, "not sealed"));
}

/* Writes one file below a fresh folder; 0, or the problem's code. */
static enum err_code write_one(const char *folder, const char *path)
{
    struct wire_blob blob;
    struct wire_view view;
    struct err err = ERR_INIT;

    wire_blob_open(&blob);
    wire_blob_file(&blob, path, false, "x", 1);
    autofd int fd = sealed(&blob);
    assert_true(wire_view_open(&view, fd, &err));
    bool written = workspace_write(folder, &view, 1, &err);
    wire_view_close(&view);
    return written ? ERR_NONE : err.code;
}

static void test_paths_stay_inside(void **state)
{
    static const char *const bad[] = {"/etc/x", "../x", "a/../../x", "a//x",   "./x",
                                      "",       "a/",   "a\\x",      "link/x", "link"};
    char folder[] = "/tmp/assay-wire-XXXXXX", link[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(link, sizeof(link), "%s/link", folder);
    assert_int_equal(symlink("/tmp", link), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (write_one(folder, bad[i]) == ERR_NONE)
            fail_msg("\"%s\" was written", bad[i]);
    }
    assert_int_equal(write_one(folder, "a/b/c"), ERR_NONE);
    assert_int_equal(write_one(folder, "a/b/c"), ERR_INFRA); /* never over another */
    assert_int_equal(write_one(folder, "a/b/c/d"), ERR_INFRA);
    (void)snprintf(link, sizeof(link), "rm -rf %s", folder);
    assert_int_equal(system(link), 0);
}

static void test_inodes(void **state)
{
    (void)state;
    assert_int_equal(workspace_inodes(1), 1024);
    assert_int_equal(workspace_inodes((int64_t)64 << 20), 8192);
    assert_int_equal(workspace_inodes((int64_t)1 << 50), 262144);
}

static void test_mechanism_names(void **state)
{
    const char *names[MECHANISM_COUNT + 1];
    uint64_t all = 0;

    (void)state;
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        assert_non_null(mechanism_name((enum mechanism)i));
        all |= MECHANISM_BIT(i);
    }
    mechanism_list(all, names);
    assert_null(names[MECHANISM_COUNT]);
    assert_true(mechanism_named(names, "seccomp"));
    mechanism_list(MECHANISM_BIT(MECHANISM_TMPFS), names);
    assert_string_equal(names[0], "tmpfs");
    assert_null(names[1]);
    assert_false(mechanism_named(names, "seccomp"));
    assert_false(mechanism_named(NULL, "seccomp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_and_its_descriptors_arrive),
        cmocka_unit_test(test_a_wrong_frame_is_refused_and_leaks_nothing),
        cmocka_unit_test(test_a_blob_is_read_as_written),
        cmocka_unit_test(test_a_blob_keeps_the_order_of_pieces_of_all_sizes),
        cmocka_unit_test(test_a_blob_that_is_cut_off_is_noticed),
        cmocka_unit_test(test_a_blob_that_is_not_sealed_is_refused),
        cmocka_unit_test(test_paths_stay_inside),
        cmocka_unit_test(test_inodes),
        cmocka_unit_test(test_mechanism_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
