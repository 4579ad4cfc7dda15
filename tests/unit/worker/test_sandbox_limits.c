/* Limits of a task and a step, and how each shows in the event; how a sandbox opens, fails and dies. */
#include "sandbox_steps.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void run_python(struct sandbox *sandbox, const char *script, struct outcome *outcome)
{
    const char *const argv[] = {"/usr/bin/python3", "-c", script, NULL};

    run_argv(sandbox, argv, outcome);
}

/* --- limits --- */

static void test_memory_of_one_process(void **state)
{
    struct sandbox *sandbox = *state;
    const struct sandbox_task task = {.memory_bytes = 64 * MB, .processes = 32, .disk_bytes = 16 * MB};
    struct outcome outcome;

    need(sandbox, "memory");
    begin_with(sandbox, &task);
    run_python(sandbox, "x = bytearray(32 << 20)", &outcome);
    assert_int_equal(outcome.event.exit_code, 0);
    assert_int_equal(outcome.event.oom_kills, 0);
    assert_in_range(outcome.event.peak_memory_bytes, 32 * MB, 64 * MB);
    run_python(sandbox, "x = bytearray(256 << 20)", &outcome);
    assert_int_equal(outcome.event.signal_number, SIGKILL);
    assert_true(outcome.event.oom_kills > 0);
    run_shell(sandbox, "echo fine", &outcome); /* the init lived */
    assert_string_equal(outcome.out, "fine\n");
    assert_int_equal(outcome.event.oom_kills, 0);
    end(sandbox);
}

static void test_memory_of_many_processes(void **state)
{
    struct sandbox *sandbox = *state;
    const struct sandbox_task task = {.memory_bytes = 64 * MB, .processes = 32, .disk_bytes = 16 * MB};
    struct outcome outcome;

    need(sandbox, "memory");
    begin_with(sandbox, &task);
    run_python(sandbox,
               "import os, time\n"
               "for i in range(8):\n"
               "  if os.fork() == 0: x = bytearray(20 << 20); time.sleep(1); os._exit(0)\n"
               "for i in range(8): os.wait()\n",
               &outcome);
    assert_true(outcome.event.oom_kills > 0);
    end(sandbox);
}

static void test_memory_of_the_workspace(void **state)
{
    struct sandbox *sandbox = *state;
    const struct sandbox_task task = {.memory_bytes = 64 * MB, .processes = 32, .disk_bytes = 512 * MB};
    struct outcome outcome;

    need(sandbox, "memory");
    begin_with(sandbox, &task);
    run_shell(sandbox, "exec head -c 60M /dev/zero > file1", &outcome);
    run_shell(sandbox, "exec head -c 60M /dev/zero > file2", &outcome);
    assert_true(outcome.event.oom_kills > 0);
    end(sandbox);
    begin(sandbox);
    run_shell(sandbox, "echo fine", &outcome);
    assert_string_equal(outcome.out, "fine\n");
    end(sandbox);
}

/* What outlives a step fills the memory to the last page: further steps end by the limit, none is infra. */
static void test_memory_that_outlives_its_step(void **state)
{
    struct sandbox *sandbox = *state;
    const struct sandbox_task task = {.memory_bytes = 48 * MB, .processes = 32, .disk_bytes = 512 * MB};
    struct outcome outcome;

    need(sandbox, "memory");
    begin_with(sandbox, &task);
    for (int i = 0; i < 12; i++) {
        run_shell(sandbox, "while :; do head -c 64K /dev/zero >> file$((n++ % 9)) || exit; done", &outcome);
        assert_true(outcome.event.oom_kills > 0);
    }
    end(sandbox);
    begin(sandbox);
    run_shell(sandbox, "echo fine", &outcome);
    assert_string_equal(outcome.out, "fine\n");
    end(sandbox);
}

/* --- memory that runs out above the leaf, as in a container that is too small (cgroup v1, as root) --- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail_msg("write %s to %s: %s", text, path, strerror(errno));
    (void)close(fd);
}

/* The folder of this process's cgroup of v1's memory controller; false where there is none to work in. */
static bool own_memory_cgroup(char *folder, size_t size)
{
    char line[4096];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        const char *path = strstr(line, ":memory:");
        line[strcspn(line, "\n")] = '\0';
        found = path != NULL && (size_t)snprintf(folder, size, "/sys/fs/cgroup/memory%s", path + 8) < size;
    }
    if (file != NULL)
        (void)fclose(file);
    return found && access(folder, W_OK) == 0;
}

static void test_memory_outside_the_task(void **state)
{
    const struct sandbox_task task = {.memory_bytes = 512 * MB, .processes = 32, .disk_bytes = 16 * MB};
    const char *const argv[] = {"/usr/bin/python3", "-c", "x = bytearray(384 << 20)", NULL};
    char own[4096], above[4200], path[4300], pid[16];
    struct outcome outcome;

    (void)state;
    if (geteuid() != 0 || !own_memory_cgroup(own, sizeof(own)))
        skip();
    (void)snprintf(above, sizeof(above), "%s/assay-test-%d", own, (int)getpid());
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(mkdir(above, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/memory.limit_in_bytes", above);
    write_file(path, "201326592"); /* 192 MB */
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", above);
    write_file(path, pid);

    struct sandbox *sandbox = open_sandbox();
    begin_with(sandbox, &task);
    struct sandbox_step step = step_of(argv);
    try_step(sandbox, &step, 0, &outcome);
    assert_int_equal(outcome.event.kind, SANDBOX_FAILED);
    assert_int_equal(outcome.event.err.code, ERR_INFRA);
    assert_non_null(strstr(outcome.event.err.text, "out of memory outside the task"));
    sandbox_close(sandbox);

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", own);
    write_file(path, pid);
    assert_int_equal(rmdir(above), 0);
}

static void test_processes(void **state)
{
    struct sandbox *sandbox = *state;
    const struct sandbox_task task = {.memory_bytes = 256 * MB, .processes = 10, .disk_bytes = 16 * MB};
    struct outcome outcome;

    begin_with(sandbox, &task);
    run_python(sandbox,
               "import errno, os, time\n"
               "n = 0\n"
               "try:\n"
               "  while True:\n"
               "    if os.fork() == 0: time.sleep(100)\n"
               "    n += 1\n"
               "except OSError as e: print(n, errno.errorcode[e.errno])",
               &outcome);
    assert_string_equal(outcome.out, "9 EAGAIN\n");
    assert_true(outcome.event.left_processes);
    run_python(sandbox,
               "import threading, time\n"
               "n = 0\n"
               "try:\n"
               "  while True: threading.Thread(target=time.sleep, args=(100,), daemon=True).start(); n += 1\n"
               "except RuntimeError: print(n)",
               &outcome);
    assert_string_equal(outcome.out, "9\n");
    end(sandbox);
}

static void test_denied_processes_are_counted(void **state)
{
    struct sandbox *sandbox = *state;
    const struct sandbox_task task = {.memory_bytes = 256 * MB, .processes = 4, .disk_bytes = 16 * MB};
    struct outcome outcome;

    need(sandbox, "pids");
    begin_with(sandbox, &task);
    run_python(sandbox, "print(1)", &outcome);
    assert_int_equal(outcome.event.process_denials, 0);
    run_shell(sandbox, "for i in 1 2 3 4 5 6; do sleep 100 & done", &outcome);
    assert_true(outcome.event.process_denials > 0);
    end(sandbox);
}

static void test_fork_bomb(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"/usr/bin/python3", "-c",
                                "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;

    begin(sandbox);
    run_step(sandbox, &step, 500, &outcome);
    assert_int_equal(outcome.event.signal_number, SIGKILL);
    run_shell(sandbox, "ps -e -o comm= | grep -c python3", &outcome);
    assert_string_equal(outcome.out, "0\n");
    end(sandbox);
}

static void test_disk(void **state)
{
    struct sandbox *sandbox = *state;
    struct outcome outcome;

    begin(sandbox);
    run_shell(sandbox, "head -c 32M /dev/zero > file", &outcome);
    assert_int_equal(outcome.event.exit_code, 0);
    assert_false(outcome.event.disk_full);
    run_shell(sandbox, "head -c 40M /dev/zero > /tmp/file", &outcome);
    assert_int_equal(outcome.event.exit_code, 1);
    assert_non_null(strstr(outcome.error, "No space left"));
    assert_true(outcome.event.disk_full);
    run_shell(sandbox, "rm file /tmp/file", &outcome);
    assert_false(outcome.event.disk_full);
    run_python(sandbox, "for i in range(100000): open(f'/dev/shm/{i}', 'w').close()", &outcome);
    assert_non_null(strstr(outcome.error, "No space left"));
    assert_true(outcome.event.disk_full);
    end(sandbox);
}

static void test_file_size_and_open_files(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const write_much[] = {"bash", "-c", "exec head -c 2M /dev/zero > file", NULL};
    struct sandbox_step step = step_of(write_much);
    struct outcome outcome;

    step.file_size_bytes = MB;
    begin(sandbox);
    run_step(sandbox, &step, 0, &outcome);
    assert_int_equal(outcome.event.signal_number, SIGXFSZ);
    run_python(sandbox,
               "files = []\n"
               "try:\n"
               "  while True: files.append(open('/dev/null'))\n"
               "except OSError as e: print(len(files), e.errno)",
               &outcome);
    assert_string_equal(outcome.out, "253 24\n");
    end(sandbox);
}

static void test_cpu_of_one_process(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"/usr/bin/python3", "-c", "while True: pass", NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;

    step.cpu_ms = 700;
    begin(sandbox);
    run_step(sandbox, &step, 0, &outcome);
    assert_false(outcome.event.exited);
    assert_true(outcome.event.cpu_exceeded);
    assert_in_range(outcome.event.cpu_us, 650000, 1500000);
    end(sandbox);
}

static void test_cpu_of_many_processes(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"/usr/bin/python3", "-c",
                                "import os\n"
                                "while True:\n"
                                "  pid = os.fork()\n"
                                "  if pid == 0:\n"
                                "    for i in range(1000000): pass\n"
                                "    os._exit(0)\n"
                                "  os.wait()",
                                NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;

    need(sandbox, "cpu");
    step.cpu_ms = 500;
    begin(sandbox);
    run_step(sandbox, &step, 0, &outcome);
    assert_int_equal(outcome.event.signal_number, SIGKILL);
    assert_true(outcome.event.cpu_exceeded);
    assert_in_range(outcome.event.cpu_us, 490000, 900000);
    end(sandbox);
}

static void test_address_space(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"/usr/bin/python3", "-c", "bytearray(300 << 20)", NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;

    step.address_space_bytes = 200 * MB;
    begin(sandbox);
    run_step(sandbox, &step, 0, &outcome);
    assert_int_equal(outcome.event.exit_code, 1);
    assert_non_null(strstr(outcome.error, "MemoryError"));
    end(sandbox);
}

/* --- opening, failing, dying --- */

static void test_mechanisms(void **state)
{
    static const char *const always[] = {"user_namespace",    "pid_namespace",  "mount_namespace",
                                         "network_namespace", "ipc_namespace",  "uts_namespace",
                                         "cgroup_namespace",  "read_only_root", "tmpfs",
                                         "no_capabilities",   "no_new_privs",   "seccomp",
                                         "landlock",          "rlimits"};

    for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
        if (!is_in_force(*state, always[i]))
            fail_msg("%s is not in force", always[i]);
    }
    assert_int_equal(is_in_force(*state, "own_uid"), geteuid() == 0);
}

static void refused(const struct sandbox_options *options, enum err_code code, const char *part)
{
    struct err err = ERR_INIT;
    struct sandbox *sandbox = sandbox_open(options, &err);

    assert_null(sandbox);
    assert_int_equal(err.code, code);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not name %s", err.text, part);
}

static void test_wrong_options(void **state)
{
    static const char *const unknown[] = {"pid_namespace", NULL}, *const path[] = {"/usr/../etc", NULL},
                             *const hidden[] = {"/work/data", NULL};
    struct sandbox_options options = {
        .slot = 9, .harness_dir = ASSAY_SOURCE_DIR "/worker/harness", .allow_missing = unknown};

    (void)state;
    refused(&options, ERR_CONFIG, "pid_namespace cannot be missing");
    options.allow_missing = optional;
    options.read_only_paths = path;
    refused(&options, ERR_CONFIG, "/usr/../etc");
    options.read_only_paths = hidden;
    refused(&options, ERR_CONFIG, "/work is the sandbox's own");
    options.read_only_paths = NULL;
    options.harness_dir = "/no/such/folder";
    refused(&options, ERR_CONFIG, "/no/such/folder");
}

static void test_read_only_paths(void **state)
{
    char folder[] = "/var/tmp/assay-test-XXXXXX", script[512];
    const char *const paths[] = {folder, "/no/such/path", "/etc/shells", NULL};
    const struct sandbox_options options = {.slot = 8,
                                            .harness_dir = ASSAY_SOURCE_DIR "/worker/harness",
                                            .allow_missing = optional,
                                            .read_only_paths = paths};
    struct outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    struct sandbox *sandbox = sandbox_open(&options, &err);
    assert_non_null(sandbox);
    begin(sandbox);
    (void)snprintf(
        script, sizeof(script),
        "cd %s && echo entered; cat /etc/shells > /dev/null && echo read; touch x; echo >> /etc/shells;"
        "ls -d /assay/harness/python",
        folder);
    run_shell(sandbox, script, &outcome);
    end(sandbox);
    sandbox_close(sandbox);
    assert_int_equal(rmdir(folder), 0);
    assert_string_equal(outcome.out, "entered\nread\n/assay/harness/python\n");
    assert_non_null(strstr(outcome.error, "touch: cannot touch 'x': Read-only file system"));
    assert_non_null(strstr(outcome.error, "/etc/shells: "));
}

/* The process id of this process's only child. */
static pid_t only_child(pid_t parent)
{
    char path[64], text[64] = "";

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
    return (pid_t)strtol(text, NULL, 10);
}

static void test_death_of_the_slot_init(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"sleep", "1000", NULL};
    const struct sandbox_step step = step_of(argv);
    struct err err = ERR_INIT;
    struct sandbox_event event;

    begin(sandbox);
    assert_true(sandbox_run(sandbox, &step, &err));
    assert_int_equal(kill(only_child(getpid()), SIGKILL), 0);
    event = wait_for(sandbox);
    assert_int_equal(event.kind, SANDBOX_FAILED);
    assert_int_equal(event.err.code, ERR_INFRA);
    assert_false(sandbox_receive(sandbox, &event));
}

/* A worker that is killed takes its slot, its task and its program along. */
static void test_death_of_the_worker(void **state)
{
    const char *const argv[] = {"sleep", "1000", NULL};
    const struct sandbox_step step = step_of(argv);
    int ready[2];
    char byte;

    (void)state;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t worker = fork();
    if (worker == 0) {
        struct sandbox *sandbox = open_sandbox();
        begin(sandbox);
        if (!sandbox_run(sandbox, &step, NULL) || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    pid_t slot_init = only_child(worker), task_init = only_child(slot_init);
    int pidfds[] = {(int)syscall(SYS_pidfd_open, slot_init, 0), (int)syscall(SYS_pidfd_open, task_init, 0)};
    assert_true(pidfds[0] >= 0 && pidfds[1] >= 0);
    assert_int_equal(kill(worker, SIGKILL), 0);
    for (int i = 0; i < 2; i++) {
        struct pollfd polled = {pidfds[i], POLLIN, 0};
        assert_int_equal(poll(&polled, 1, 10000), 1);
        (void)close(pidfds[i]);
    }
    assert_int_equal(waitpid(worker, NULL, 0), worker);
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

static void test_closing_leaves_nothing(void **state)
{
    int before = count_descriptors();
    struct outcome outcome;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct sandbox *sandbox = open_sandbox();
        begin(sandbox);
        run_shell(sandbox, "true", &outcome);
        sandbox_close(sandbox); /* in mid-task */
    }
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(only_child(getpid()), 0);
}

#define WITH_SANDBOX(test) cmocka_unit_test_setup_teardown(test, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SANDBOX(test_memory_of_one_process),
        WITH_SANDBOX(test_memory_of_many_processes),
        WITH_SANDBOX(test_memory_of_the_workspace),
        WITH_SANDBOX(test_memory_that_outlives_its_step),
        cmocka_unit_test(test_memory_outside_the_task),
        WITH_SANDBOX(test_processes),
        WITH_SANDBOX(test_denied_processes_are_counted),
        WITH_SANDBOX(test_fork_bomb),
        WITH_SANDBOX(test_disk),
        WITH_SANDBOX(test_file_size_and_open_files),
        WITH_SANDBOX(test_cpu_of_one_process),
        WITH_SANDBOX(test_cpu_of_many_processes),
        WITH_SANDBOX(test_address_space),
        WITH_SANDBOX(test_mechanisms),
        WITH_SANDBOX(test_death_of_the_slot_init),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_read_only_paths),
        cmocka_unit_test(test_death_of_the_worker),
        cmocka_unit_test(test_closing_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
