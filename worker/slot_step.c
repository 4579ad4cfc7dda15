#include "worker/slot_step.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/mem.h"
#include "common/text.h"

#define OPEN_FILES     1024
#define ERR_TAIL_BYTES ((size_t)16 * 1024)
#define DONE_GRACE_MS  1000

void slot_step_init(struct slot_step *step, struct loop *loop, struct loop_timer *timer)
{
    *step = (struct slot_step){
        .loop = loop,
        .timer = timer,
        .out_reader = SLOT_READER_CLOSED,
        .err_reader = SLOT_READER_CLOSED,
        .report_reader = SLOT_READER_CLOSED,
        .input_feeder = SLOT_FEEDER_CLOSED,
        .control_feeder = SLOT_FEEDER_CLOSED,
    };
}

static void close_pipes(struct slot_step *step)
{
    slot_reader_close(&step->out_reader);
    slot_reader_close(&step->err_reader);
    slot_reader_close(&step->report_reader);
    slot_feeder_close(&step->input_feeder);
    slot_feeder_close(&step->control_feeder);
}

void slot_step_clear(struct slot_step *step)
{
    close_pipes(step);
    loop_timer_stop(step->timer);
    capture_free(&step->out);
    capture_free(&step->err);
    if (step->report != NULL)
        report_free(step->report);
    free(step->report);
    buf_free(&step->control);
    buf_free(&step->err_text);
    slot_step_init(step, step->loop, step->timer);
}

/* The first cause stands. */
static void stop_step(struct slot_step *step, enum step_stop stop)
{
    if (step->stop != STOP_NONE)
        return;
    step->stop = stop;
    sandbox_kill(step->sandbox, 0);
}

static void on_stdout(void *context, const char *data, size_t size)
{
    struct slot_step *step = context;
    if (!capture_append(&step->out, data, size))
        stop_step(step, STOP_OUTPUT);
}

static void on_stderr(void *context, const char *data, size_t size)
{
    struct slot_step *step = context;
    if (!capture_append(&step->err, data, size))
        stop_step(step, STOP_OUTPUT);
}

static void on_report(void *context, const char *data, size_t size)
{
    struct slot_step *step = context;
    if (step->report == NULL || !report_feed(step->report, data, size)) {
        stop_step(step, STOP_REPORT);
    } else if ((step->report->done || step->report->again) && step->finished_us == 0) {
        int64_t deadline_ms = clock_ms() + DONE_GRACE_MS;
        step->finished_us = clock_us();
        if (deadline_ms < step->started_ms + step->wall_ms)
            loop_timer_set(step->timer, deadline_ms);
    }
}

/* The program's ends of the pipes, closed once the sandbox has its copies. */
struct program_ends {
    int input, out, err, report, control;
};

static void close_ends(struct program_ends *ends)
{
    close_fd(&ends->input);
    close_fd(&ends->out);
    close_fd(&ends->err);
    close_fd(&ends->report);
    close_fd(&ends->control);
}

/* What a suite's harness waits for. */
static bool give_control(struct slot_step *step, struct err *err)
{
    char secret[2 * REPORT_SECRET_BYTES + 1];
    text_random_hex(secret, REPORT_SECRET_BYTES);
    step->report = malloc(sizeof(*step->report));
    if (step->report == NULL)
        return err_set(err, ERR_INFRA, "no memory for the report of a suite");
    report_init(step->report, secret);
    if (step->plan->task->runtime->suite_protocol == SUITE_TOKEN)
        report_expect(step->report, "main");
    report_control_json(step->plan->task, secret, step->fast, &step->control);
    if (step->control.failed)
        return err_set(err, ERR_INFRA, "no memory for the control object of a suite");
    return slot_feeder_feed(&step->control_feeder, step->loop, step->control.data, step->control.size, err);
}

static bool open_pipes(struct slot_step *step, bool parked, struct program_ends *ends, struct err *err)
{
    if (!slot_reader_open(&step->out_reader, step->loop, on_stdout, step, &ends->out, err) ||
        !slot_reader_open(&step->err_reader, step->loop, on_stderr, step, &ends->err, err))
        return false;
    if (step->step->kind == STEP_SUITE)
        return slot_reader_open_private(&step->report_reader, step->loop, on_report, step, &ends->report,
                                        err) &&
               slot_feeder_open(&step->control_feeder, &ends->control, err) &&
               (parked || give_control(step, err));
    const struct task_case *test_case = step->step->test_case;
    if (step->step->kind == STEP_CASE && test_case->input.size > 0)
        return slot_feeder_open(&step->input_feeder, &ends->input, err) &&
               slot_feeder_feed(&step->input_feeder, step->loop, test_case->input.data, test_case->input.size,
                                err);
    return true;
}

/* A compiler's output is bounded by its time alone: a program with a thousand errors does not compile, and is
 * no flood. */
static void init_captures(struct slot_step *step)
{
    size_t keep = (size_t)step->plan->task->limits.output_bytes;
    size_t kill = step->step->kind == STEP_COMPILE ? 0 : keep * CAPTURE_KILL_FACTOR;
    capture_init(&step->err, keep, kill, false);
    if (step->step->kind == STEP_CASE)
        capture_init(&step->out, keep,
                     capture_case_kill_bytes(keep, step->step->test_case->expected_stdout.size), true);
    else
        capture_init(&step->out, keep, kill, false);
}

/* Of all that the harness is told of a suite, and of its text. */
static bool make_suite_key(const struct task *task, bool fast, unsigned char key[DIGEST_SIZE])
{
    autobuf struct buf text = BUF_INIT;

    report_control_json(task, "", fast, &text);
    buf_append(&text, task->test_suite_code.data, task->test_suite_code.size);
    if (!text.failed)
        digest_sha256(text.data, text.size, key);
    return !text.failed;
}

static bool run_in_sandbox(struct slot_step *step, const struct slot_step_start *start,
                           const struct program_ends *ends, struct err *err)
{
    const struct task *task = step->plan->task;
    autofree char **argv = plan_argv(step->plan, start->index);
    if (argv == NULL)
        return err_set(err, ERR_INFRA, "no memory for the command of a step");
    unsigned char key[DIGEST_SIZE];
    _Static_assert(sizeof(key) == SUITE_KEY_SIZE, "a digest is a key");
    bool keep = start->keep_suite && start->server != 0 && step->step->kind == STEP_SUITE &&
                make_suite_key(task, start->fast, key);
    struct sandbox_step request = {
        .argv = (const char *const *)argv,
        .environment = (const char *const *)task->runtime->environment,
        .stdin_fd = ends->input,
        .stdout_fd = ends->out,
        .stderr_fd = ends->err,
        .report_fd = ends->report,
        .control_fd = ends->control,
        .cpu_ms = plan_cpu_ms(&task->limits, step->step->kind),
        .address_space_bytes = task->runtime->address_space_limit ? task->limits.memory_bytes : 0,
        .file_size_bytes = task->limits.disk_bytes,
        .open_files = OPEN_FILES,
        .server = start->server,
        .suite_key = keep ? key : NULL,
        .keep = start->keep,
        .parked = start->parked,
    };
    return sandbox_run(step->sandbox, &request, err);
}

static void take_start(struct slot_step *step, const struct plan *plan, const struct slot_step_start *start)
{
    step->plan = plan;
    step->step = &plan->steps[start->index];
    step->wall_ms = start->wall_ms;
    step->wall_is_tasks = start->wall_is_tasks;
    step->fast = start->fast;
}

static void start_clock(struct slot_step *step)
{
    step->started_ms = clock_ms();
    loop_timer_set(step->timer, step->started_ms + step->wall_ms);
}

bool slot_step_start(struct slot_step *step, struct sandbox *sandbox, const struct plan *plan,
                     const struct slot_step_start *start, struct err *err)
{
    struct program_ends ends = {-1, -1, -1, -1, -1};
    slot_step_clear(step);
    step->sandbox = sandbox;
    take_start(step, plan, start);
    init_captures(step);

    bool started = open_pipes(step, start->parked, &ends, err) && run_in_sandbox(step, start, &ends, err);
    close_ends(&ends);
    if (!started) {
        slot_step_clear(step);
        return false;
    }
    if (!start->parked)
        start_clock(step);
    return true;
}

bool slot_step_waits(struct slot_step *step)
{
    slot_reader_drain(&step->report_reader);
    return step->stop == STOP_NONE;
}

bool slot_step_release(struct slot_step *step, const struct plan *plan, const struct slot_step_start *start,
                       struct err *err)
{
    take_start(step, plan, start);
    if (!give_control(step, err))
        return false;
    start_clock(step);
    return true;
}

void slot_step_time_up(struct slot_step *step)
{
    /* The last line may have come in this very moment. */
    slot_reader_drain(&step->report_reader);
    if (step->finished_us != 0) {
        stop_step(step, STOP_DONE);
        return;
    }
    sandbox_kill(step->sandbox, step->wall_ms);
}

/* A command that lies in the workspace is the program's to spoil; any other belongs to the machine. */
static bool is_in_workspace(const char *command)
{
    return strncmp(command, "./", 2) == 0 || strncmp(command, SANDBOX_WORK_DIR "/", 6) == 0;
}

static bool judge_start(const struct slot_step *step, const struct sandbox_event *event,
                        struct step_facts *facts, struct err *err)
{
    const struct runtime *runtime = step->plan->task->runtime;
    const char *command = step->step->kind == STEP_COMPILE ? step->step->compile->command.argv[0]
                          : step->step->kind == STEP_CASE  ? runtime->run_case.argv[0]
                                                           : runtime->run_suite.argv[0];
    /* E2BIG: the arguments are the task's. */
    if (is_in_workspace(command) || event->exec_errno == E2BIG) {
        facts->start_errno = event->exec_errno;
        return true;
    }
    errno = event->exec_errno;
    return err_set_errno(err, ERR_INFRA, "runtime %s: start %s in the sandbox", runtime->name, command);
}

/* What stopped the step. By the clock only what had all of its time, and anything that had more: a report is
 * complete in time or not at all, whenever the init came to end the process. */
static enum step_stop true_stop(const struct slot_step *step, const struct sandbox_event *event)
{
    int64_t limit_us = step->wall_ms * 1000;
    bool done = step->finished_us != 0 && step->finished_us - event->started_us < limit_us;
    bool by_report = step->stop == STOP_NONE || step->stop == STOP_DONE;
    if (!by_report || event->wall_us < limit_us || event->exec_failed)
        return step->stop;
    return done ? STOP_DONE : step->wall_is_tasks ? STOP_TASK_WALL : STOP_WALL;
}

static void take_err_tail(struct slot_step *step, struct step_facts *facts)
{
    if (step->step->kind == STEP_COMPILE) {
        (void)capture_text(&step->err, &step->err_text);
        facts->err_tail = buf_text(&step->err_text);
        facts->err_tail_size = step->err_text.size;
    } else {
        facts->err_tail = capture_tail(&step->err, ERR_TAIL_BYTES, &facts->err_tail_size);
    }
}

bool slot_step_collect(struct slot_step *step, const struct sandbox_event *event, struct step_facts *facts,
                       struct err *err)
{
    slot_reader_drain(&step->out_reader);
    slot_reader_drain(&step->err_reader);
    slot_reader_drain(&step->report_reader);
    close_pipes(step);
    loop_timer_stop(step->timer);
    if (step->out.failed || step->err.failed)
        return err_set(err, ERR_INFRA, "no memory for the output of a step");

    *facts = (struct step_facts){
        .stop = true_stop(step, event),
        .exited = event->exited,
        .exit_code = event->exit_code,
        .signal_number = event->signal_number,
        .cpu_us = event->cpu_us,
        .oom_kills = event->oom_kills,
        .process_denials = event->process_denials,
        .disk_full = event->disk_full,
    };
    if (facts->stop == STOP_OUTPUT) {
        bool is_out = step->out.kill_bytes > 0 && step->out.total_bytes > step->out.kill_bytes;
        facts->flooded = is_out ? "stdout" : "stderr";
        facts->flooded_bytes = is_out ? step->out.kill_bytes : step->err.kill_bytes;
    }
    take_err_tail(step, facts);
    if (step->report != NULL)
        report_finish(step->report, facts->stop == STOP_NONE && event->exited);
    return !event->exec_failed || judge_start(step, event, facts, err);
}
