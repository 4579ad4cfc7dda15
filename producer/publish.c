#include "producer/publish.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/compose.h"
#include "producer/dispatch.h"
#include "producer/journal.h"
#include "producer/judge.h"
#include "producer/resume.h"
#include "producer/screen.h"
#include "producer/store.h"
#include "producer/task_file.h"

struct publish {
    const struct publish_request *request;
    struct runtimes *runtimes;
    struct judge judge;
    struct task_file_source *file;
    struct dispatch *dispatch;
    struct journal *journal;
};

static void publish_free(struct publish *publish)
{
    task_file_close(publish->file);
    dispatch_close(publish->dispatch);
    journal_close(publish->journal);
    judge_free(&publish->judge);
    runtimes_free(publish->runtimes);
}

static bool check_options(const struct publish_request *request, struct err *err)
{
    const struct publish_options *options = request->options;
    if (options->job != NULL && !text_is_id(options->job, strlen(options->job)))
        return err_set(err, ERR_USAGE, "--job %s: 1 to %d of A-Z a-z 0-9 . _ : / - are allowed", options->job,
                       TEXT_ID_MAX);
    if (!options->wait && options->results != NULL)
        return err_set(err, ERR_USAGE, "--results needs --wait: verdicts come only while waiting");
    if (options->journal != NULL && options->wait && request->config->pg_url[0] == '\0')
        return err_set(err, ERR_USAGE,
                       "--journal with --wait needs pg_url: the verdicts of what is left out come from the "
                       "database");
    if (!options->wait && options->timeout_ms != 0)
        return err_set(err, ERR_USAGE, "--timeout needs --wait");
    for (size_t i = 0; i < options->labels.count; i++) {
        const char *equals = strchr(options->labels.items[i], '=');
        if (equals == NULL || equals == options->labels.items[i])
            return err_set(err, ERR_USAGE, "--label %s: NAME=VALUE is needed", options->labels.items[i]);
    }
    return true;
}

/* Writing the verdicts over the tasks would destroy both. */
/* A stream cannot be published a second time. */
static bool check_journal(const struct publish *publish, struct err *err)
{
    return publish->request->options->journal == NULL || !task_file_is_stream(publish->file) ||
           err_set(err, ERR_USAGE, "--journal needs a file: a pipe cannot be published again");
}

static bool check_results_file(const struct publish_request *request, struct err *err)
{
    struct stat tasks;
    struct stat results;
    const char *path = request->options->results;
    if (path == NULL || stat(path, &results) != 0 || stat(request->path, &tasks) != 0)
        return true;
    if (tasks.st_dev == results.st_dev && tasks.st_ino == results.st_ino && S_ISREG(tasks.st_mode))
        return err_set(err, ERR_USAGE, "--results %s: is the file of the tasks itself; name another one",
                       path);
    return true;
}

static bool set_labels(const struct publish *publish, struct job_message *message, struct err *err)
{
    const struct option_list *labels = &publish->request->options->labels;
    for (size_t i = 0; i < labels->count; i++) {
        const char *equals = strchr(labels->items[i], '=');
        autofree char *name = strndup(labels->items[i], (size_t)(equals - labels->items[i]));
        if (name == NULL)
            return err_set(err, ERR_NO_MEMORY, "no memory for a label");
        if (!job_message_set_label(message, name, equals + 1, err))
            return false;
    }
    return true;
}

static bool announce_jobs(struct publish *publish, struct err *err)
{
    if (publish->request->only != NULL)
        return true; /* the tasks of a rerun are in their job's total already */
    for (size_t i = 0; i < publish->judge.jobs.count; i++) {
        const struct job_entry *job = &publish->judge.jobs.items[i];
        struct job_message message = {.total = job->part.count};
        (void)snprintf(message.job_id, sizeof message.job_id, "%s", job->job_id);
        job_part_hex(&job->part, message.part);
        bool good = set_labels(publish, &message, err) && dispatch_announce(publish->dispatch, &message, err);
        job_message_free(&message);
        if (!good)
            return false;
    }
    return true;
}

/* A stream's total is known only now. */
static bool stream_finished(void *context, struct dispatch *dispatch, struct err *err)
{
    (void)dispatch;
    return announce_jobs(context, err);
}

/* Before the first task of a file goes out: there are queues, the waiting queue is bound, the job is
 * announced. */
static bool prepare_file(struct publish *publish, struct err *err)
{
    const struct judge *judge = &publish->judge;
    for (size_t i = 0; i < judge->key_count; i++) {
        if (!dispatch_check_queue(publish->dispatch, judge->keys[i], err))
            return false;
    }
    for (size_t i = 0; publish->request->options->wait && i < judge->jobs.count; i++) {
        if (!dispatch_expect_job(publish->dispatch, judge->jobs.items[i].job_id, err))
            return false;
    }
    return announce_jobs(publish, err);
}

static void append_job_names(const struct publish *publish, struct buf *out)
{
    const struct jobs *jobs = &publish->judge.jobs;
    buf_printf(out, "job%s ", jobs->count == 1 ? "" : "s");
    for (size_t i = 0; i < jobs->count && i < 5; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", jobs->items[i].job_id);
    if (jobs->count > 5)
        buf_printf(out, " and %zu more", jobs->count - 5);
}

static void print_json_report(const struct publish *publish, const struct dispatch_report *report)
{
    autobuf struct buf out = BUF_INIT;
    buf_append_text(&out, "{\"type\":\"assay.summary.v1\",\"jobs\":[");
    const struct jobs *jobs = &publish->judge.jobs;
    for (size_t i = 0; i < jobs->count; i++) {
        buf_append_text(&out, i > 0 ? "," : "");
        screen_append_json(&out, jobs->items[i].job_id);
    }
    buf_printf(&out, "],\"tasks\":%llu,\"left_out\":%llu,\"known\":%lld,\"confirmed\":%lld,\"returned\":%lld",
               (unsigned long long)publish->judge.taken, (unsigned long long)publish->judge.left_out,
               (long long)report->known, (long long)report->confirmed, (long long)report->returned);
    if (publish->request->options->wait) {
        buf_append_text(&out, ",\"verdicts\":");
        summary_to_json(&report->summary, report->elapsed_ms, &out);
    } else {
        buf_printf(&out, ",\"elapsed_ms\":%lld", (long long)report->elapsed_ms);
    }
    (void)printf("%s}\n", buf_text(&out));
}

static void print_text_report(const struct publish *publish, const struct dispatch_report *report)
{
    autobuf struct buf out = BUF_INIT;
    bool wait = publish->request->options->wait;
    if (wait && report->summary.verdicts + report->summary.missing > 0) {
        buf_append_char(&out, '\n');
        summary_print(&report->summary, report->elapsed_ms, &out);
    }
    buf_printf(&out, "%lld tasks confirmed by the broker", (long long)report->confirmed);
    if (report->returned > 0)
        buf_printf(&out, ", %lld returned", (long long)report->returned);
    if (report->known > 0)
        buf_printf(&out, ", %lld left out (published before)", (long long)report->known);
    if (publish->judge.left_out > 0)
        buf_printf(&out, ", %llu left out (not to be repeated)", (unsigned long long)publish->judge.left_out);
    buf_append_text(&out, "; ");
    append_job_names(publish, &out);
    if (!wait) {
        buf_append_text(&out, ", ");
        screen_append_duration(&out, report->elapsed_ms);
    }
    buf_append_char(&out, '\n');
    (void)fputs(buf_text(&out), stdout);
}

static void print_report(const struct publish *publish, const struct dispatch_report *report)
{
    if (strcmp(publish->request->options->format, "json") == 0)
        print_json_report(publish, report);
    else
        print_text_report(publish, report);
    if (report->end == DISPATCH_INTERRUPTED)
        (void)fprintf(
            stderr,
            "assay-producer: interrupted; publish the same file under the same job again to go on: what has "
            "its verdict is not run again\n");
    if (report->end == DISPATCH_TIMED_OUT)
        (void)fprintf(
            stderr,
            "assay-producer: --timeout is over; %lld verdicts did not come yet, the tasks stay queued\n",
            (long long)report->summary.missing);
}

static int dry_run(struct publish *publish)
{
    autobuf struct buf names = BUF_INIT;
    append_job_names(publish, &names);
    (void)printf("%llu tasks are valid (%s); nothing was published\n",
                 (unsigned long long)publish->judge.taken, buf_text(&names));
    return 0;
}

static int ask_store(struct publish *publish, struct pg *pg, struct err *err)
{
    const struct publish_request *request = publish->request;
    bool rerun = request->only != NULL;
    int status = resume_check_cancels(request->config, pg, &publish->judge.jobs, rerun, err);
    if (status == 0 && !rerun && !resume_mark_stored(pg, &publish->judge, err))
        status = err_exit_status(err->code);
    return status;
}

/* A publish does not need the database: without one it goes ahead. */
static int look_into_store(struct publish *publish, struct err *err)
{
    const struct publish_request *request = publish->request;
    struct err why = ERR_INIT;
    if (request->config->pg_url[0] == '\0' || task_file_is_stream(publish->file))
        return 0;
    struct pg *pg = store_open(request->config, &why);
    int status = pg != NULL ? ask_store(publish, pg, &why) : err_exit_status(why.code);
    pg_close(pg);
    if (status != 0 && (why.code == ERR_INPUT || request->only != NULL)) {
        *err = why;
        return status;
    }
    if (status != 0)
        log_warn("published without a look into the database, so that tasks which have a verdict already go "
                 "out again: %s",
                 why.text);
    return 0;
}

/* What was published before is known from here on. */
static int resume(struct publish *publish, struct err *err)
{
    const char *path = publish->request->options->journal;
    if (path != NULL) {
        publish->journal = journal_open(path, resume_mark_confirmed, &publish->judge, err);
        if (publish->journal == NULL)
            return err_exit_status(err->code);
    }
    return look_into_store(publish, err);
}

static bool note_confirmed(void *context, const char *job_id, const char *task_id, struct err *err)
{
    struct publish *publish = context;
    return journal_note(publish->journal, job_id, task_id, err);
}

static int run_dispatch(struct publish *publish, struct err *err)
{
    const struct publish_options *options = publish->request->options;
    bool stream = task_file_is_stream(publish->file);
    bool json = strcmp(options->format, "json") == 0;
    struct dispatch_options how = {.config = publish->request->config,
                                   .total = stream ? 0 : (int64_t)publish->judge.taken,
                                   .rate = options->rate,
                                   .timeout_ms = options->timeout_ms,
                                   .wait = options->wait,
                                   .output = !options->wait ? OUTPUT_NONE
                                             : json         ? OUTPUT_JSON
                                                            : OUTPUT_LINES,
                                   .results_file = options->results,
                                   .finished = stream ? stream_finished : NULL,
                                   .confirmed = publish->journal != NULL ? note_confirmed : NULL,
                                   .context = publish,
                                   .check_queues = stream};
    publish->dispatch = dispatch_open(&how, err);
    if (publish->dispatch == NULL || (!stream && !prepare_file(publish, err)))
        return err_exit_status(err->code);
    struct source source;
    struct dispatch_report report;
    task_file_source(publish->file, publish->dispatch, &source);
    enum dispatch_end end = dispatch_run(publish->dispatch, &source, &report, err);
    print_report(publish, &report);
    return end == DISPATCH_FAILED ? err_exit_status(err->code) : dispatch_exit_status(&report);
}

static int publish_steps(struct publish *publish, struct err *err)
{
    const struct publish_request *request = publish->request;
    if (!check_options(request, err) || !check_results_file(request, err))
        return err_exit_status(err->code);
    publish->runtimes = producer_config_runtimes(request->config, err);
    if (publish->runtimes == NULL ||
        !judge_init(&publish->judge, publish->runtimes, request->options->job, request->only, err))
        return err_exit_status(err->code);
    publish->file = task_file_open(request->path, &publish->judge, (size_t)request->config->window, err);
    if (publish->file == NULL || !check_journal(publish, err))
        return err_exit_status(err->code);
    bool whole = !task_file_is_stream(publish->file) || request->options->dry_run;
    if (whole && !task_file_judge(publish->file, err))
        return err_exit_status(err->code);
    if (request->options->dry_run)
        return dry_run(publish);
    if (whole && publish->judge.taken == 0) {
        (void)printf("no task of %s is to be published again\n", request->path);
        return 0;
    }
    int status = resume(publish, err);
    return status != 0 ? status : run_dispatch(publish, err);
}

int publish_file(const struct publish_request *request, struct err *err)
{
    struct publish publish = {.request = request};
    int status = publish_steps(&publish, err);
    publish_free(&publish);
    return status;
}
