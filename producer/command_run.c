#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/compose.h"
#include "common/message/names.h"
#include "producer/commands.h"
#include "producer/detect.h"
#include "producer/dispatch.h"
#include "producer/read_file.h"
#include "producer/screen.h"
#include "producer/verdict.h"

struct run_options {
    const char *runtime, *job, *lane, *input, *expect, *format;
    int64_t timeout_ms, wait_ms;
    bool coverage;
};

#define AT(member) offsetof(struct run_options, member)

static const struct option_entry options[] = {
    {"runtime", OPTION_TEXT, AT(runtime), "NAME", 0, 0, NULL, NULL,
     "python, node, c, cpp, bash, ... (needed); auto: told from the files"},
    {"timeout", OPTION_SECONDS, AT(timeout_ms), "S", 1, 86400000, NULL, NULL, "limits.wall_s of the task"},
    {"stdin", OPTION_TEXT, AT(input), "FILE", 0, 0, NULL, NULL, "one case: what the program reads"},
    {"expect", OPTION_TEXT, AT(expect), "FILE", 0, 0, NULL, NULL, "one case: what the program must print"},
    {"coverage", OPTION_FLAG, AT(coverage), NULL, 0, 0, NULL, NULL, "ask for line coverage of the program"},
    {"lane", OPTION_CHOICE, AT(lane), NULL, 0, 0, "interactive|normal|bulk", "interactive",
     "before or behind what waits already"},
    {"job", OPTION_TEXT, AT(job), "ID", 0, 0, NULL, "run", "job of the task"},
    {"wait", OPTION_SECONDS, AT(wait_ms), "S", 1, 86400000, NULL, NULL, "give up after S seconds, exit 5"},
    {"format", OPTION_CHOICE, AT(format), NULL, 0, 0, "text|json", "text",
     "readable text, or the result message"},
};

struct single {
    struct outgoing task;
    bool given, json;
};

static enum source_state next(void *context, struct outgoing *out, struct err *err)
{
    (void)err;
    struct single *single = context;
    if (single->given)
        return SOURCE_END;
    *out = single->task;
    single->task.body = NULL;
    single->given = true;
    return SOURCE_TASK;
}

static void on_verdict(void *context, const struct result *result)
{
    const struct single *single = context;
    autobuf struct buf out = BUF_INIT;
    if (!single->json)
        verdict_append_details(&out, result, screen_has_colour(stdout));
    (void)fputs(buf_text(&out), stdout);
}

/* Reads the files that make the task. */
struct texts {
    struct buf program, suite, input, expected;
};

static void texts_free(struct texts *texts)
{
    buf_free(&texts->program);
    buf_free(&texts->suite);
    buf_free(&texts->input);
    buf_free(&texts->expected);
}

static struct blob text_blob(struct buf *text)
{
    return (struct blob){buf_text(text), text->size};
}

static bool read_texts(const struct subcommand_context *context, const struct run_options *chosen,
                       struct texts *texts, struct task_draft *draft, struct err *err)
{
    if (!read_file_append(context->operands[0], MESSAGE_SIZE_MAX, &texts->program, err))
        return false;
    draft->implementation_code = text_blob(&texts->program);
    if (context->operand_count > 1) {
        if (!read_file_append(context->operands[1], MESSAGE_SIZE_MAX, &texts->suite, err))
            return false;
        draft->test_suite_code = text_blob(&texts->suite);
    }
    if (chosen->expect == NULL)
        return true;
    if (!read_file_append(chosen->expect, MESSAGE_SIZE_MAX, &texts->expected, err) ||
        (chosen->input != NULL && !read_file_append(chosen->input, MESSAGE_SIZE_MAX, &texts->input, err)))
        return false;
    draft->case_expected_stdout = text_blob(&texts->expected);
    draft->case_stdin = text_blob(&texts->input);
    return true;
}

static bool check_options(const struct subcommand_context *context, const struct run_options *chosen,
                          struct err *err)
{
    if (chosen->runtime == NULL)
        return err_set(err, ERR_USAGE, "run: --runtime NAME is needed, e.g. --runtime python");
    if (chosen->input != NULL && chosen->expect == NULL)
        return err_set(err, ERR_USAGE, "run: --stdin needs --expect, the output to compare with");
    if (context->operand_count < 2 && chosen->expect == NULL)
        return err_set(err, ERR_USAGE, "run: a TEST file or --expect FILE is needed");
    return true;
}

/* "auto" by the texts and the names of the files, which a task does not carry. */
static bool resolve_runtime(const struct subcommand_context *context, const struct runtimes *runtimes,
                            struct task_draft *draft, struct err *err)
{
    if (strcmp(draft->runtime, "auto") != 0)
        return true;
    struct task_texts texts = {.program = draft->implementation_code,
                               .suite = draft->test_suite_code,
                               .names = (const char *const *)context->operands,
                               .name_count = (size_t)context->operand_count};
    const struct runtime *runtime = detect_runtime(&texts, runtimes, err);
    if (runtime == NULL)
        return false;
    draft->runtime = runtime->name;
    return true;
}

static bool compose(const struct subcommand_context *context, const struct run_options *chosen,
                    const struct runtimes *runtimes, struct outgoing *out, struct err *err)
{
    char id[32 + 5] = "run-";
    text_random_hex(id + 4, 16);
    struct task_draft draft = {.task_id = id,
                               .job_id = chosen->job,
                               .runtime = chosen->runtime,
                               .lane = chosen->lane,
                               .wall_ms = chosen->timeout_ms,
                               .coverage = chosen->coverage};
    struct texts texts = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};
    size_t size = 0;
    autofree char *body = NULL;
    if (read_texts(context, chosen, &texts, &draft, err) && resolve_runtime(context, runtimes, &draft, err))
        body = task_draft_to_json(&draft, &size, err);
    texts_free(&texts);
    if (body == NULL)
        return false;
    struct task_rules rules = {.runtimes = runtimes};
    struct task *task = task_parse(body, size, &rules, NULL, err);
    bool good = task != NULL && outgoing_from_task(out, task, err);
    task_free(task);
    return good;
}

static int publish(const struct subcommand_context *context, const struct run_options *chosen,
                   struct single *single, struct err *err)
{
    struct dispatch_options how = {.config = context->config,
                                   .total = 1,
                                   .timeout_ms = chosen->wait_ms,
                                   .wait = true,
                                   .output = single->json ? OUTPUT_JSON : OUTPUT_NONE,
                                   .on_verdict = on_verdict,
                                   .context = single};
    struct dispatch *dispatch = dispatch_open(&how, err);
    if (dispatch == NULL)
        return err_exit_status(err->code);
    struct source source = {.context = single, .next = next};
    struct dispatch_report report = {.end = DISPATCH_FAILED};
    bool ready = dispatch_check_queue(dispatch, single->task.routing_key, err) &&
                 dispatch_expect_job(dispatch, single->task.job_id, err);
    if (ready)
        (void)dispatch_run(dispatch, &source, &report, err);
    dispatch_close(dispatch);
    if (report.end == DISPATCH_TIMED_OUT)
        err_set(err, ERR_UNREACHABLE, "no verdict within --wait; the task %s of job %s stays queued",
                single->task.task_id, single->task.job_id);
    return err->code != ERR_NONE && report.end != DISPATCH_TIMED_OUT ? err_exit_status(err->code)
                                                                     : dispatch_exit_status(&report);
}

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    const struct run_options *chosen = values;
    struct single single = {.json = strcmp(chosen->format, "json") == 0};
    struct runtimes *runtimes = NULL;
    int status = 2;
    if (check_options(context, chosen, err) &&
        (runtimes = producer_config_runtimes(context->config, err)) != NULL &&
        compose(context, chosen, runtimes, &single.task, err))
        status = publish(context, chosen, &single, err);
    else
        status = err_exit_status(err->code);
    outgoing_free(&single.task);
    runtimes_free(runtimes);
    return status;
}

const struct subcommand command_run = {
    .name = "run",
    .operands = "IMPL [TEST]",
    .operands_min = 1,
    .operands_max = 2,
    .summary = "Runs one program against one test file (or one --stdin/--expect case) and shows the verdict.",
    .details =
        "The test file imports the program under the runtime's name for it: python's is `implementation`\n"
        "(conf/runtimes.cfg, docs/runtimes.md).\n"
        "\n"
        "exit status: 0 pass, 1 not pass, 2 wrong usage or file, 3 broker unreachable, 4 no queue takes the\n"
        "runtime, 5 no verdict within --wait, 128+N ended by signal N\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct run_options),
    .run = run,
};
