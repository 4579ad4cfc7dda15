/* What a step is: its command, its descriptors, its files, its end, and what is left of it. */
#include "sandbox_steps.h"

#include "worker/sandbox/wire.h"

#include <sys/mman.h>
#include <sys/wait.h>

#define KILL_MS 1500

static void test_runs_a_command(void **state)
{
    struct sandbox *sandbox = *state;
    struct outcome outcome;

    begin(sandbox);
    run_shell(sandbox, "echo out; echo error >&2; id -u; id -un; pwd; echo $HOME; exit 3", &outcome);
    assert_string_equal(outcome.out, "out\n1000\nassay\n/work\n/work\n");
    assert_string_equal(outcome.error, "error\n");
    assert_true(outcome.event.exited);
    assert_int_equal(outcome.event.exit_code, 3);
    assert_false(outcome.event.exec_failed);
    assert_false(outcome.event.left_processes);
    assert_false(outcome.event.disk_full);
    assert_false(outcome.event.cpu_exceeded);
    assert_true(outcome.event.wall_us > 0 && outcome.event.wall_us < DEADLINE_MS * 1000);
    assert_true(outcome.event.cpu_us > 0);
    assert_true(outcome.event.peak_memory_bytes > 0);
    end(sandbox);
}

static void test_steps_of_a_task_share_its_workspace(void **state)
{
    struct sandbox *sandbox = *state;
    struct outcome outcome;

    begin(sandbox);
    run_shell(sandbox, "echo kept > file; echo too > /tmp/file; echo three > /dev/shm/file", &outcome);
    assert_int_equal(outcome.event.exit_code, 0);
    run_shell(sandbox, "cat file /tmp/file /dev/shm/file", &outcome);
    assert_string_equal(outcome.out, "kept\ntoo\nthree\n");
    end(sandbox);
}

static void test_nothing_survives_a_task(void **state)
{
    struct sandbox *sandbox = *state;
    struct outcome outcome;

    begin(sandbox);
    run_shell(sandbox, "echo x > file; echo x > /tmp/file; echo x > /dev/shm/file; ipcmk -Q -S 1", &outcome);
    assert_int_equal(outcome.event.exit_code, 0);
    end(sandbox);
    begin(sandbox);
    run_shell(sandbox, "ls -A /work /tmp /dev/shm; ipcs -q -s -m | grep 0x", &outcome);
    assert_string_equal(outcome.out, "/dev/shm:\n\n/tmp:\n\n/work:\n");
    end(sandbox);
}

static void test_files_are_written(void **state)
{
    struct sandbox *sandbox = *state;
    const struct sandbox_file files[] = {
        {.path = "main.py", .data = "print(open('a/b/c.txt').read())", .size = 31},
        {.path = "a/b/c.txt", .data = "deep", .size = 4},
        {.path = "a/b/empty", .data = NULL, .size = 0},
        {.path = "a/nul", .executable = true, .data = "\0\xff\n", .size = 3}};
    const struct sandbox_task task = {.files = files,
                                      .file_count = ARRAY_SIZE(files),
                                      .memory_bytes = 512 * MB,
                                      .processes = 32,
                                      .disk_bytes = 64 * MB};
    const char *const argv[] = {"/usr/bin/python3", "main.py", NULL};
    struct outcome outcome;

    begin_with(sandbox, &task);
    run_argv(sandbox, argv, &outcome);
    assert_string_equal(outcome.out, "deep\n");
    run_shell(sandbox, "find * -type f -printf '%p %s %m\\n' | sort; od -An -tx1 a/nul", &outcome);
    assert_string_equal(outcome.out,
                        "a/b/c.txt 4 644\na/b/empty 0 644\na/nul 3 755\nmain.py 31 644\n 00 ff 0a\n");
    end(sandbox);
}

static void test_files_larger_than_the_disk_fail_the_task(void **state)
{
    struct sandbox *sandbox = *state;
    char *data = calloc(1, (size_t)(2 * MB));
    const struct sandbox_file file = {.path = "large", .data = data, .size = (size_t)(2 * MB)};
    const struct sandbox_task task = {
        .files = &file, .file_count = 1, .memory_bytes = 512 * MB, .processes = 32, .disk_bytes = MB};
    struct err err = ERR_INIT;

    assert_true(sandbox_task_begin(sandbox, &task, &err));
    struct sandbox_event event = wait_for(sandbox);
    assert_int_equal(event.kind, SANDBOX_FAILED);
    assert_int_equal(event.err.code, ERR_INFRA);
    assert_int_equal(event.err.sys_errno, ENOSPC);
    assert_non_null(strstr(event.err.text, "large"));
    free(data);
}

static void test_toolchains(void **state)
{
    struct sandbox *sandbox = *state;
    struct outcome outcome;

    begin(sandbox);
    run_shell(
        sandbox,
        "echo 'def test_it(): assert 1 + 1 == 2' > test_a.py && /usr/bin/python3 -m pytest -q test_a.py",
        &outcome);
    assert_int_equal(outcome.event.exit_code, 0);
    assert_non_null(strstr(outcome.out, "1 passed"));
    run_shell(sandbox,
              "printf '#include <stdio.h>\\nint main(void){puts(\"c\");}' > a.c && gcc -O2 -o a a.c && ./a &&"
              "printf '#include <iostream>\\nint main(){std::cout << \"c++\\\\n\";}' > b.cpp && g++ -o b "
              "b.cpp && ./b",
              &outcome);
    assert_string_equal(outcome.out, "c\nc++\n");
    run_shell(sandbox,
              "/usr/bin/node -e 'const os=require(\"os\");let s=0;for(let i=0;i<1e7;i++)s+=i;"
              "console.log(os.cpus().length>0,process.memoryUsage().rss>0,s)'",
              &outcome);
    assert_string_equal(outcome.out, "true true 49999995000000\n");
    run_shell(sandbox,
              "/usr/bin/python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2]))'",
              &outcome);
    assert_string_equal(outcome.out, "[1, 2]\n");
    end(sandbox);
}

static void test_a_command_that_cannot_start(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const missing[] = {"no-such-program", NULL}, *const folder[] = {"/work", NULL};
    struct outcome outcome;

    begin(sandbox);
    run_argv(sandbox, missing, &outcome);
    assert_true(outcome.event.exec_failed);
    assert_int_equal(outcome.event.exec_errno, ENOENT);
    run_argv(sandbox, folder, &outcome);
    assert_true(outcome.event.exec_failed);
    assert_int_equal(outcome.event.exec_errno, EACCES);
    run_shell(sandbox, "exit 127", &outcome); /* what looks alike is none */
    assert_false(outcome.event.exec_failed);
    assert_int_equal(outcome.event.exit_code, 127);
    end(sandbox);
}

static void test_death_by_signal(void **state)
{
    struct sandbox *sandbox = *state;
    static const int signals[] = {SIGKILL, SIGABRT, SIGSEGV, SIGTERM};
    struct outcome outcome;
    char script[64];

    begin(sandbox);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        (void)snprintf(script, sizeof(script), "kill -%d $$", signals[i]);
        run_shell(sandbox, script, &outcome);
        assert_false(outcome.event.exited);
        assert_int_equal(outcome.event.signal_number, signals[i]);
    }
    end(sandbox);
}

static void test_kill_ends_a_step_and_not_the_task(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"/usr/bin/python3", "-c",
                                "import os, signal, time\n"
                                "for n in range(1, 65):\n"
                                "  try: signal.signal(n, signal.SIG_IGN)\n"
                                "  except (OSError, ValueError): pass\n"
                                "for i in range(5):\n"
                                "  if os.fork() == 0: os.setsid(); break\n"
                                "while True: time.sleep(100)",
                                NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;

    begin(sandbox);
    run_step(sandbox, &step, KILL_MS, &outcome);
    assert_int_equal(outcome.event.signal_number, SIGKILL);
    assert_true(outcome.event.wall_us >= (int64_t)KILL_MS * 1000);
    run_shell(sandbox, "ps -eo comm= | grep -c python3", &outcome);
    assert_string_equal(outcome.out, "0\n");
    end(sandbox);
}

static void test_what_a_step_leaves_is_killed(void **state)
{
    struct sandbox *sandbox = *state;
    struct outcome outcome;

    begin(sandbox);
    run_shell(sandbox, "(setsid sleep 1000 >/dev/null 2>&1 &) ; exec >&- 2>&-; exit 0", &outcome);
    assert_int_equal(outcome.event.exit_code, 0);
    assert_true(outcome.event.left_processes);
    run_shell(sandbox, "ps -eo comm= | grep sleep", &outcome);
    assert_int_equal(outcome.event.exit_code, 1);
    assert_false(outcome.event.left_processes);
    end(sandbox);
}

static void test_descriptors(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {
        "bash", "-c",
        "ls /proc/self/fd | paste -sd ' '; cat; cat <&4; echo to-report >&3; echo by-path > /dev/stdout",
        NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;
    int report[2], control[2];
    char text[64] = "";

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
    int input = memfd_create("input", MFD_CLOEXEC);
    assert_int_equal(write(input, "input\n", 6), 6);
    assert_int_equal(lseek(input, 0, SEEK_SET), 0);
    assert_int_equal(write(control[0], "control\n", 8), 8);
    assert_int_equal(shutdown(control[0], SHUT_WR), 0);
    step.stdin_fd = input;
    step.report_fd = report[1];
    step.control_fd = control[1];
    begin(sandbox);
    run_step(sandbox, &step, 0, &outcome);
    /* 5 is of ls itself: the folder that it lists. */
    assert_string_equal(outcome.out, "0 1 2 3 4 5\ninput\ncontrol\nby-path\n");
    assert_int_equal(recv(report[0], text, sizeof(text) - 1, MSG_DONTWAIT), 10);
    assert_string_equal(text, "to-report\n");
    end(sandbox);
    for (int i = 0; i < 2; i++) {
        (void)close(report[i]);
        (void)close(control[i]);
    }
    (void)close(input);
}

static void test_standard_input_by_path(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"/usr/bin/node", "-e",
                                "process.stdout.write(require('fs').readFileSync('/dev/stdin'))", NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;
    int input[2];

    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(write(input[1], "piped", 5), 5);
    (void)close(input[1]);
    step.stdin_fd = input[0];
    begin(sandbox);
    run_step(sandbox, &step, 0, &outcome);
    (void)close(input[0]);
    assert_string_equal(outcome.out, "piped");
    end(sandbox);
}

static void test_ending_a_task_in_mid_step(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"sleep", "1000", NULL};
    struct sandbox_step step = step_of(argv);
    struct err err = ERR_INIT;
    struct outcome outcome;

    for (int i = 0; i < 20; i++) {
        begin(sandbox);
        assert_true(sandbox_run(sandbox, &step, &err));
        end(sandbox);
    }
    begin(sandbox);
    run_shell(sandbox, "echo fine", &outcome);
    assert_string_equal(outcome.out, "fine\n");
    end(sandbox);
}

/* What a step that keeps `out` and `more` hands back; -1 = nothing. */
static int kept_of(struct sandbox *sandbox, const char *script)
{
    static const char *const keep[] = {"out", "more", NULL};
    const char *const argv[] = {"bash", "-c", script, NULL};
    struct sandbox_step step = step_of(argv);
    struct outcome outcome;

    step.keep = keep;
    run_step(sandbox, &step, 0, &outcome);
    return outcome.event.kept;
}

static void test_outputs_of_a_step_come_back(void **state)
{
    struct sandbox *sandbox = *state;
    struct wire_view view;
    struct wire_file file;

    begin(sandbox);
    int blob = kept_of(sandbox, "printf abc > out; chmod +x out; printf x > more");
    assert_true(wire_view_open(&view, blob, NULL));
    assert_true(wire_view_file(&view, &file));
    assert_string_equal(file.path, "out");
    assert_true(file.executable);
    assert_int_equal(file.size, 3);
    assert_memory_equal(file.data, "abc", 3);
    assert_true(wire_view_file(&view, &file));
    assert_string_equal(file.path, "more");
    assert_false(file.executable);
    assert_false(wire_view_file(&view, &file));
    wire_view_close(&view);
    /* A step that does not ask gets none, and one that comes later closes the last. */
    struct outcome outcome;
    run_shell(sandbox, "true", &outcome);
    assert_int_equal(outcome.event.kept, -1);
    assert_int_equal(fcntl(blob, F_GETFD), -1);
    end(sandbox);
}

static void test_what_is_no_output_does_not_come_back(void **state)
{
    static const char *const scripts[] = {"exit 1",
                                          "rm more",
                                          "ln -sf /etc/passwd more",
                                          "ln -sf out more",
                                          "rm more; mkfifo more",
                                          "rm more; mkdir more",
                                          "rm more; : > more",
                                          "rm more; printf x > more; chmod 000 more",
                                          "rm -f more; head -c 9M /dev/zero > more",
                                          "printf x > more; kill -9 $$"};
    struct sandbox *sandbox = *state;

    begin(sandbox);
    assert_true(kept_of(sandbox, "printf x > out; printf x > more") >= 0);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        if (kept_of(sandbox, scripts[i]) >= 0)
            fail_msg("kept after: %s", scripts[i]);
    assert_true(kept_of(sandbox, "rm -rf more; printf x > more") >= 0);
    end(sandbox);
}

static void test_calls_out_of_order_are_refused(void **state)
{
    struct sandbox *sandbox = *state;
    const char *const argv[] = {"true", NULL};
    const struct sandbox_step step = step_of(argv);
    const struct sandbox_task task = {.disk_bytes = MB, .processes = 1};
    struct err err = ERR_INIT;

    assert_false(sandbox_run(sandbox, &step, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
    assert_false(sandbox_task_end(sandbox, NULL));
    begin(sandbox);
    assert_false(sandbox_task_begin(sandbox, &task, NULL));
    sandbox_kill(sandbox, 0); /* nothing runs: no effect */
    end(sandbox);
}

/* The only child of this process: the slot init. */
static pid_t slot_init_of_this(void)
{
    char path[64];
    pid_t pid = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    (void)fclose(file);
    return pid;
}

/* The machinery stands still for longer than the limit before the program begins: the program has all of its
 * time nevertheless, and no more. */
static void test_only_the_programs_time_counts(void **state)
{
    struct sandbox *sandbox = *state;
    static const struct {
        const char *script, *output;
        int signal_number;
    } rows[] = {{"echo whole", "whole\n", 0}, {"echo late; sleep 60", "late\n", SIGKILL}};

    begin(sandbox);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *const argv[] = {"/bin/sh", "-c", rows[i].script, NULL};
        struct sandbox_step step = step_of(argv);
        struct err err = ERR_INIT;
        char output[64] = "";
        int out[2];
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        step.stdout_fd = out[1];
        pid_t slot_init = slot_init_of_this();
        assert_int_equal(kill(slot_init, SIGSTOP), 0);
        if (!sandbox_run(sandbox, &step, &err))
            fail_msg("%s", err.text);
        (void)close(out[1]);
        int64_t began_ms = clock_ms();
        while (clock_ms() - began_ms <= KILL_MS)
            (void)poll(NULL, 0, 10);
        sandbox_kill(sandbox, KILL_MS);
        assert_int_equal(kill(slot_init, SIGCONT), 0);
        struct sandbox_event event = wait_for(sandbox);
        assert_int_equal(event.kind, SANDBOX_STEP_EXITED);
        assert_int_equal(event.signal_number, rows[i].signal_number);
        assert_true(rows[i].signal_number == 0 || event.wall_us >= (int64_t)KILL_MS * 1000);
        assert_int_equal(read(out[0], output, sizeof(output) - 1), strlen(rows[i].output));
        assert_string_equal(output, rows[i].output);
        (void)close(out[0]);
    }
    end(sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs_a_command, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_steps_of_a_task_share_its_workspace, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_nothing_survives_a_task, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_files_are_written, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_files_larger_than_the_disk_fail_the_task, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_toolchains, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_a_command_that_cannot_start, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_death_by_signal, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_kill_ends_a_step_and_not_the_task, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_what_a_step_leaves_is_killed, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_descriptors, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_standard_input_by_path, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_ending_a_task_in_mid_step, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_outputs_of_a_step_come_back, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_what_is_no_output_does_not_come_back, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_only_the_programs_time_counts, open_it, close_it),
        cmocka_unit_test_setup_teardown(test_calls_out_of_order_are_refused, open_it, close_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
