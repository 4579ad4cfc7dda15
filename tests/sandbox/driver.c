/*
 * Runs commands in one sandbox, as a worker does, for tests that attack it. Each line on stdin is a shell
 * command, run as a task of its own (begin, one step, end) with the files given; several commands joined by a
 * TAB are the steps of one task. Each step answers with one line of JSON on stdout.
 *
 *     sandbox_driver [--slot N] [--memory-mb N] [--processes N] [--disk-mb N] [--cpu-ms N] [--wall-ms N]
 *                    [--output-kb N] [--setting NAME] [--allow-missing NAME]... [--file NAME=PATH]...
 *                    [--server SCRIPT | --case-server SCRIPT] [--server-tasks N] [--again N]
 *
 * With a SCRIPT of Python each command is run by a fork of a warm server that it is: the fork reads its
 * command from the control descriptor. --case-server: by a fork of a Python that waits where it would open
 * the script, as cases are run (worker/warm/case_server.c); the command is its argument.
 *
 * A line that begins with "+N " is a task that is begun before its files are there, while the driver grows by
 * N MB; one that begins with "- " is ended, while its step runs, when another line comes, and answers
 * {"ended": true}.
 *
 * The first line out tells the mechanisms in force, or the error that kept the sandbox from opening. --again:
 * a sandbox that failed is closed, and up to N times another one opened, which is told in the same way.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/warm.h"

#define FILES_MAX      16
#define OUTPUT_FACTOR  16 /* as the worker: output is cut first, and far beyond that the program killed */
#define SHOWN_MAX      ((size_t)64 << 10)
#define EVENT_DEADLINE 60000
#define SCRIPT_MAX     65536

#define CASE_COMMAND "/usr/bin/python3", "-s"
#define CASE_WORDS   2

struct settings {
    struct sandbox_options sandbox;
    struct sandbox_task task;
    struct sandbox_file files[FILES_MAX];
    const char *allow_missing[8];
    size_t allow_count;
    int64_t cpu_ms, wall_ms, output_bytes;
    char script[SCRIPT_MAX];
    struct sandbox_server server;
    const char *case_script; /* its name in the workspace */
    int64_t again;
};

struct output {
    int fd;
    struct buf text;
    int64_t total;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "sandbox_driver: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void print_string(const char *data, size_t size)
{
    (void)putchar('"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            (void)printf("\\u%04x", c);
        else
            (void)putchar(c);
    }
    (void)putchar('"');
}

static void print_failure(const struct err *err)
{
    (void)printf("{\"failed\": ");
    print_string(err->text, strlen(err->text));
    (void)printf("}\n");
    (void)fflush(stdout);
}

static void add_file(struct settings *settings, char *argument)
{
    char *path = strchr(argument, '=');
    struct stat status;

    if (path == NULL || settings->task.file_count == FILES_MAX)
        die("--file NAME=PATH");
    *path++ = '\0';
    autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        die(path);
    char *data = malloc((size_t)status.st_size + 1);
    if (data == NULL || read(fd, data, (size_t)status.st_size) != status.st_size)
        die(path);
    settings->files[settings->task.file_count++] =
        (struct sandbox_file){.path = argument, .data = data, .size = (size_t)status.st_size};
}

static void add_server(struct settings *settings, const char *path)
{
    static const char *argv[] = {"/usr/bin/python3", "-s", "-c", NULL, NULL};
    static const char *const environment[] = {NULL};

    autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, settings->script, sizeof(settings->script) - 1) <= 0)
        die(path);
    argv[3] = settings->script;
    settings->server = (struct sandbox_server){.argv = argv, .environment = environment};
    settings->sandbox.servers = &settings->server;
    settings->sandbox.server_count = 1;
    settings->task.warm = true;
}

static void add_case_server(struct settings *settings, char *path)
{
    static const char *argv[] = {CASE_COMMAND, NULL, NULL};
    static const char *const environment[] = {"PYTHONHASHSEED=0", "LD_PRELOAD=" WARM_LIBRARY_PATH, NULL};
    char argument[PATH_MAX];

    settings->case_script = argv[CASE_WORDS] = strrchr(path, '/') + 1;
    (void)snprintf(argument, sizeof(argument), "%s=%s", settings->case_script, path);
    add_file(settings, strdup(argument));
    settings->server = (struct sandbox_server){.argv = argv, .environment = environment};
    settings->sandbox.servers = &settings->server;
    settings->sandbox.server_count = 1;
    settings->task.warm = true;
}

static void parse(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"slot", 1, NULL, 's'},        {"memory-mb", 1, NULL, 'm'},     {"processes", 1, NULL, 'p'},
        {"disk-mb", 1, NULL, 'd'},     {"cpu-ms", 1, NULL, 'c'},        {"wall-ms", 1, NULL, 'w'},
        {"output-kb", 1, NULL, 'o'},   {"allow-missing", 1, NULL, 'a'}, {"file", 1, NULL, 'f'},
        {"setting", 1, NULL, 'e'},     {"server", 1, NULL, 'S'},        {"server-tasks", 1, NULL, 'T'},
        {"case-server", 1, NULL, 'C'}, {"again", 1, NULL, 'A'},         {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int64_t number = optarg != NULL ? strtoll(optarg, NULL, 10) : 0;
        switch (option) {
        case 's':
            settings->sandbox.slot = (unsigned)number;
            break;
        case 'm':
            settings->task.memory_bytes = number << 20;
            break;
        case 'p':
            settings->task.processes = number;
            break;
        case 'd':
            settings->task.disk_bytes = number << 20;
            break;
        case 'c':
            settings->cpu_ms = number;
            break;
        case 'w':
            settings->wall_ms = number;
            break;
        case 'o':
            settings->output_bytes = number << 10;
            break;
        case 'a':
            settings->allow_missing[settings->allow_count++ % 7] = optarg;
            break;
        case 'e':
            settings->sandbox.setting = optarg;
            break;
        case 'S':
            add_server(settings, optarg);
            break;
        case 'C':
            add_case_server(settings, optarg);
            break;
        case 'T':
            settings->sandbox.server_tasks_max = number;
            break;
        case 'A':
            settings->again = number;
            break;
        case 'f':
            add_file(settings, optarg);
            break;
        default:
            exit(2);
        }
    }
}

static void drain(struct output *output, int64_t keep)
{
    char data[65536];
    ssize_t got;

    while ((got = read(output->fd, data, sizeof(data))) > 0) {
        output->total += got;
        if ((int64_t)output->text.size < keep)
            buf_append(&output->text, data, (size_t)got);
    }
}

static void print_step(const struct sandbox_event *event, struct output outputs[2], const char *killed)
{
    (void)printf(
        "{\"exited\": %s, \"exit_code\": %d, \"signal\": %d, \"exec_errno\": %d, \"oom_kills\": %" PRId64
        ", \"warm\": %d, \"process_denials\": %" PRId64
        ", \"disk_full\": %d, \"cpu_exceeded\": %d, \"left\": %d"
        ", \"wall_us\": %" PRId64 ", \"cpu_us\": %" PRId64 ", \"peak_bytes\": %" PRId64
        ", \"killed\": \"%s\", \"stdout_bytes\": %" PRId64 ", \"stderr_bytes\": %" PRId64 ", \"stdout\": ",
        event->exited ? "true" : "false", event->exit_code, event->signal_number, event->exec_errno,
        event->oom_kills, event->warm, event->process_denials, event->disk_full, event->cpu_exceeded,
        event->left_processes, event->wall_us, event->cpu_us, event->peak_memory_bytes, killed,
        outputs[0].total, outputs[1].total);
    for (int i = 0; i < 2; i++) {
        size_t size = outputs[i].text.size < SHOWN_MAX ? outputs[i].text.size : SHOWN_MAX;
        print_string(buf_text(&outputs[i].text), size);
        (void)printf(i == 0 ? ", \"stderr\": " : "}\n");
    }
    (void)fflush(stdout);
}

static void open_outputs(struct output outputs[2], int write_ends[2])
{
    for (int i = 0; i < 2; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
            die("pipe");
        outputs[i] = (struct output){.fd = ends[0], .text = BUF_INIT};
        write_ends[i] = ends[1];
    }
}

static bool receive(struct sandbox *sandbox, struct sandbox_event *event)
{
    bool got;

    do
        got = sandbox_receive(sandbox, event);
    while (got && event->kind == SANDBOX_SERVER);
    return got;
}

/* Until the step is over: what the worker does, in a loop of its own. */
static bool follow(struct sandbox *sandbox, const struct settings *settings, struct output outputs[2])
{
    struct sandbox_event event;
    int64_t started_ms = clock_ms();
    const char *killed = "";

    while (!receive(sandbox, &event)) {
        struct pollfd polled[] = {
            {sandbox_fd(sandbox), POLLIN, 0}, {outputs[0].fd, POLLIN, 0}, {outputs[1].fd, POLLIN, 0}};
        int64_t left_ms = started_ms + settings->wall_ms - clock_ms();
        (void)poll(polled, 3, killed[0] != '\0' ? 1000 : left_ms > 0 ? (int)left_ms : 0);
        for (int i = 0; i < 2; i++)
            drain(&outputs[i], settings->output_bytes);
        if (killed[0] != '\0')
            continue;
        if (outputs[0].total + outputs[1].total > OUTPUT_FACTOR * settings->output_bytes)
            killed = "output";
        else if (clock_ms() - started_ms >= settings->wall_ms)
            killed = "wall";
        if (killed[0] != '\0')
            sandbox_kill(sandbox, 0);
    }
    for (int i = 0; i < 2; i++)
        drain(&outputs[i], settings->output_bytes);
    if (event.kind == SANDBOX_FAILED) {
        print_failure(&event.err);
        return false;
    }
    print_step(&event, outputs, killed);
    return true;
}

static int tell_command(const char *command)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0 || write(ends[1], command, strlen(command)) != (ssize_t)strlen(command))
        die("control pipe");
    (void)close(ends[1]);
    return ends[0];
}

/* `follows`: until it is over. */
static bool run_step(struct sandbox *sandbox, const struct settings *settings, const char *command,
                     bool follows)
{
    const char *const of_shell[] = {"bash", "-c", command, NULL};
    const char *const of_case[] = {CASE_COMMAND, settings->case_script, command, NULL};
    struct sandbox_step step = {.argv = settings->case_script != NULL ? of_case : of_shell,
                                .stdin_fd = -1,
                                .report_fd = -1,
                                .cpu_ms = settings->cpu_ms,
                                .file_size_bytes = settings->task.disk_bytes,
                                .open_files = 256};
    struct output outputs[2];
    int write_ends[2];
    struct err err = ERR_INIT;

    open_outputs(outputs, write_ends);
    bool told = settings->sandbox.server_count > 0 && settings->case_script == NULL;
    autofd int control = told ? tell_command(command) : -1;
    step.control_fd = control;
    step.server = settings->sandbox.server_count > 0 ? 1 : 0;
    step.stdout_fd = write_ends[0];
    step.stderr_fd = write_ends[1];
    bool fine = sandbox_run(sandbox, &step, &err);
    (void)close(write_ends[0]);
    (void)close(write_ends[1]);
    if (!fine)
        print_failure(&err);
    fine = fine && (!follows || follow(sandbox, settings, outputs));
    for (int i = 0; i < 2; i++) {
        (void)close(outputs[i].fd);
        buf_free(&outputs[i].text);
    }
    return fine;
}

static bool wait_for(struct sandbox *sandbox, enum sandbox_event_kind kind)
{
    struct sandbox_event event;
    int64_t deadline_ms = clock_ms() + EVENT_DEADLINE;

    while (!receive(sandbox, &event)) {
        struct pollfd polled = {sandbox_fd(sandbox), POLLIN, 0};
        if (clock_ms() >= deadline_ms)
            die("no event in time");
        (void)poll(&polled, 1, 1000);
    }
    if (event.kind == SANDBOX_FAILED)
        print_failure(&event.err);
    return event.kind == kind;
}

static void grow(size_t size)
{
    static volatile char *memory; /* for good */

    memory = malloc(size);
    if (memory == NULL)
        die("grow");
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
}

static bool ask(bool asked, const struct err *err)
{
    if (!asked)
        print_failure(err);
    return asked;
}

static bool begin(struct sandbox *sandbox, const struct settings *settings, size_t grow_bytes)
{
    struct sandbox_task task = settings->task;
    struct err err = ERR_INIT;

    task.parked = grow_bytes > 0;
    if (!ask(sandbox_task_begin(sandbox, &task, &err), &err) || !wait_for(sandbox, SANDBOX_TASK_READY))
        return false;
    if (!task.parked)
        return true;
    grow(grow_bytes);
    return ask(sandbox_task_files(sandbox, task.files, task.file_count, &err), &err) &&
           wait_for(sandbox, SANDBOX_TASK_READY);
}

static bool run_task(struct sandbox *sandbox, const struct settings *settings, char *line)
{
    struct err err = ERR_INIT;
    char *rest = NULL;
    size_t grow_mb = line[0] == '+' ? strtoul(line + 1, &line, 10) : 0;
    bool follows = line[0] != '-';
    char word[2];

    if (!begin(sandbox, settings, grow_mb << 20))
        return false;
    for (char *command = strtok_r(line + !follows, "\t", &rest); command != NULL;
         command = strtok_r(NULL, "\t", &rest))
        if (!run_step(sandbox, settings, command, follows))
            return false;
    if (!follows && fgets(word, sizeof(word), stdin) == NULL)
        return false;
    if (!ask(sandbox_task_end(sandbox, &err), &err) || !wait_for(sandbox, SANDBOX_TASK_ENDED))
        return false;
    if (!follows) {
        (void)printf("{\"ended\": true}\n");
        (void)fflush(stdout);
    }
    return true;
}

static struct sandbox *open_sandbox(const struct settings *settings)
{
    struct err err = ERR_INIT;

    struct sandbox *sandbox = sandbox_open(&settings->sandbox, &err);
    if (sandbox == NULL) {
        print_failure(&err);
        return NULL;
    }
    sandbox_wait_for_servers(sandbox);
    const struct sandbox_server_state *server = sandbox_server_state(sandbox, 1);
    (void)printf("{\"server\": ");
    print_string(server != NULL ? server->text : "", server != NULL ? strlen(server->text) : 0);
    (void)printf(", \"mechanisms\": [");
    for (const char *const *name = sandbox_mechanisms(sandbox); *name != NULL; name++)
        (void)printf("%s\"%s\"", name == sandbox_mechanisms(sandbox) ? "" : ", ", *name);
    (void)printf("]}\n");
    (void)fflush(stdout);
    return sandbox;
}

int main(int argc, char **argv)
{
    static struct settings settings = {
        .sandbox = {.slot = 1},
        .task = {.memory_bytes = 256 << 20, .processes = 64, .disk_bytes = 64 << 20},
        .cpu_ms = 10000,
        .wall_ms = 20000,
        .output_bytes = 256 << 10};
    autofree char *line = NULL;
    size_t room = 0;
    struct err err = ERR_INIT;
    ssize_t size;

    parse(&settings, argc, argv);
    autofree char *harness_dir = paths_find("worker/harness", &err);
    if (harness_dir == NULL) {
        print_failure(&err);
        return 1;
    }
    settings.sandbox.harness_dir = harness_dir;
    settings.task.files = settings.files;
    settings.sandbox.allow_missing = settings.allow_missing;
    struct sandbox *sandbox = open_sandbox(&settings);
    bool fine = sandbox != NULL;
    while (fine && (size = getline(&line, &room, stdin)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        fine = run_task(sandbox, &settings, line);
        if (!fine && settings.again-- > 0) {
            sandbox_close(sandbox);
            sandbox = open_sandbox(&settings);
            fine = sandbox != NULL;
        }
    }
    sandbox_close(sandbox);
    for (size_t i = 0; i < settings.task.file_count; i++)
        free((void *)(uintptr_t)settings.files[i].data);
    return fine ? 0 : 1;
}
