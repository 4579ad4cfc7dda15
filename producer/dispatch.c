#include "producer/dispatch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "producer/awaited.h"
#include "producer/jobs.h"
#include "producer/publisher.h"
#include "producer/queue_check.h"
#include "producer/wait.h"

#define PROGRESS_MS    250
#define RETURNED_SHOWN 20
/* After an interrupt: how long confirms for what has gone out are waited for. */
#define INTERRUPT_GRACE_MS 5000

struct dispatch {
    struct dispatch_options options;
    struct loop *loop;
    struct publisher *publisher;
    struct waiter *waiter;
    struct console console;
    struct loop_timer *progress_timer, *rate_timer, *timeout_timer;
    const struct source *source;
    struct dispatch_report *report;
    struct err *err;
    struct awaited *awaited; /* NULL: nothing is waited for */
    struct outgoing held;    /* taken from the source, its job not bound yet */
    bool holding, source_ended, source_failed, finished, running, stopping;
    int64_t started_ms, sent;
    struct queue_checks checks;
};

static void stop(struct dispatch *dispatch, enum dispatch_end end)
{
    if (!dispatch->running)
        return;
    dispatch->running = false;
    dispatch->report->end = end;
    loop_stop(dispatch->loop);
}

static void fail(struct dispatch *dispatch, const struct err *why)
{
    if (dispatch->running && dispatch->err != why)
        *dispatch->err = *why;
    stop(dispatch, DISPATCH_FAILED);
}

static void draw_progress(void *context)
{
    struct dispatch *dispatch = context;
    struct progress progress = {.total = dispatch->options.total,
                                .confirmed = dispatch->report->confirmed + dispatch->report->known,
                                .verdicts = dispatch->report->summary.verdicts,
                                .waiting = dispatch->options.wait,
                                .elapsed_ms = clock_ms() - dispatch->started_ms};
    console_draw_progress(&dispatch->console, &progress, publisher_stalled(dispatch->publisher));
    loop_timer_set(dispatch->progress_timer, clock_ms() + PROGRESS_MS);
}

static void on_timeout(void *context)
{
    stop(context, DISPATCH_TIMED_OUT);
}

static void on_wake(void *context)
{
    (void)context; /* the prepare callback does the work */
}

static void on_signal(void *context, int signal_number)
{
    struct dispatch *dispatch = context;
    bool again = dispatch->stopping;
    dispatch->stopping = true;
    dispatch->report->signal_number = signal_number;
    if (again || publisher_is_idle(dispatch->publisher))
        stop(dispatch, DISPATCH_INTERRUPTED);
    else
        loop_timer_set(dispatch->timeout_timer, clock_ms() + INTERRUPT_GRACE_MS);
}

static void on_settled(void *context, const struct publication *publication, enum publication_fate fate)
{
    struct dispatch *dispatch = context;
    const char *job_id = publication_job_id(publication);
    const char *task_id = publication_message_id(publication);
    if (!publication_is_task(publication)) {
        struct err why = ERR_INIT;
        if (fate == PUBLICATION_RETURNED) {
            err_set(&why, ERR_PROTOCOL,
                    "job %s: no queue takes results on this broker; load the definitions of conf/broker",
                    job_id);
            fail(dispatch, &why);
        }
        return;
    }
    if (fate == PUBLICATION_CONFIRMED) {
        struct err why = ERR_INIT;
        const struct dispatch_options *options = &dispatch->options;
        dispatch->report->confirmed++;
        if (options->confirmed != NULL && !options->confirmed(options->context, job_id, task_id, &why))
            fail(dispatch, &why);
    } else {
        (void)awaited_settle(dispatch->awaited, job_id, task_id);
        if (dispatch->report->returned++ < RETURNED_SHOWN) {
            console_clear_progress(&dispatch->console);
            (void)fprintf(
                stderr,
                "assay-producer: task %s of job %s came back: no queue on the broker takes runtime '%s'; "
                "add the runtime to the broker's definitions (conf/broker/definitions --runtimes) and "
                "publish again\n",
                task_id, job_id, publication_routing_key(publication));
        }
    }
    if (dispatch->source->settled != NULL)
        dispatch->source->settled(dispatch->source->context, dispatch, job_id, task_id,
                                  publication_tag(publication), fate == PUBLICATION_CONFIRMED);
}

static void on_result(void *context, const struct result *result, const char *body, size_t size)
{
    struct dispatch *dispatch = context;
    if (!dispatch->running || !awaited_settle(dispatch->awaited, result->job_id, result->task_id))
        return;
    summary_add(&dispatch->report->summary, result);
    struct err why = ERR_INIT;
    if (!console_verdict(&dispatch->console, result, body, size, &why)) {
        fail(dispatch, &why);
        return;
    }
    if (dispatch->options.on_verdict != NULL)
        dispatch->options.on_verdict(dispatch->options.context, result);
}

/* How many tasks may have gone out by now under --rate; sets the timer for the next one. */
static bool rate_allows(struct dispatch *dispatch)
{
    if (dispatch->options.rate == 0)
        return true;
    int64_t elapsed_ms = clock_ms() - dispatch->started_ms;
    if (dispatch->sent <= elapsed_ms * dispatch->options.rate / 1000)
        return true;
    int64_t due_ms = (dispatch->sent * 1000 + dispatch->options.rate - 1) / dispatch->options.rate;
    loop_timer_set(dispatch->rate_timer, dispatch->started_ms + due_ms);
    return false;
}

/* A missing queue is no failure here: the task comes back by itself and is reported then. */
static void check_queue(struct dispatch *dispatch, const char *routing_key)
{
    if (!queue_checks_first(&dispatch->checks, routing_key))
        return;
    console_clear_progress(&dispatch->console);
    (void)dispatch_check_queue(dispatch, routing_key, NULL);
}

static bool send_held(struct dispatch *dispatch, struct err *err)
{
    struct outgoing *task = &dispatch->held;
    if (dispatch->options.wait && !awaited_expect(dispatch->awaited, task->job_id, task->task_id, err))
        return false;
    if (task->known) {
        outgoing_free(task);
        dispatch->holding = false;
        dispatch->report->known++;
        return true;
    }
    if (dispatch->options.check_queues)
        check_queue(dispatch, task->routing_key);
    char *body = steal_ptr(task->body);
    struct publication_fields fields = {.exchange = EXCHANGE_TASKS,
                                        .type = TYPE_TASK,
                                        .routing_key = task->routing_key,
                                        .message_id = task->task_id,
                                        .job_id = task->job_id,
                                        .body = body,
                                        .body_size = task->body_size,
                                        .tag = task->tag};
    dispatch->holding = false;
    dispatch->sent++;
    return publisher_send(dispatch->publisher, &fields, err);
}

/* Takes what fits into the window. False: `err` is set. */
static bool feed(struct dispatch *dispatch, struct err *err)
{
    while (!dispatch->stopping && publisher_has_room(dispatch->publisher) && rate_allows(dispatch)) {
        if (!dispatch->holding) {
            if (dispatch->source_ended)
                return true;
            enum source_state state =
                dispatch->source->next(dispatch->source->context, &dispatch->held, dispatch->err);
            if (state == SOURCE_LATER)
                return true;
            if (state == SOURCE_FAILED || state == SOURCE_END) {
                dispatch->source_ended = true;
                dispatch->source_failed = state == SOURCE_FAILED;
                if (dispatch->options.wait && dispatch->report->known > 0)
                    waiter_read_stored(dispatch->waiter);
                return true; /* what is on its way is still confirmed */
            }
            dispatch->holding = true;
        }
        struct err why = ERR_INIT;
        if (dispatch->options.wait && !waiter_bind_job(dispatch->waiter, dispatch->held.job_id, &why)) {
            if (why.code == ERR_NONE)
                return true; /* the waiting connection is down: its return wakes the loop */
            *err = why;
            return false;
        }
        if (!send_held(dispatch, err))
            return false;
    }
    return true;
}

static void finish_when_complete(struct dispatch *dispatch)
{
    if (!publisher_is_idle(dispatch->publisher))
        return;
    if (dispatch->stopping) {
        stop(dispatch, DISPATCH_INTERRUPTED);
        return;
    }
    if (!dispatch->source_ended || dispatch->holding)
        return;
    if (dispatch->source_failed) {
        stop(dispatch, DISPATCH_FAILED);
        return;
    }
    if (!dispatch->finished) {
        dispatch->finished = true;
        const struct dispatch_options *options = &dispatch->options;
        if (options->finished != NULL && !options->finished(options->context, dispatch, dispatch->err)) {
            stop(dispatch, DISPATCH_FAILED);
            return;
        }
        publisher_flush(dispatch->publisher);
    }
    if (publisher_is_idle(dispatch->publisher) && awaited_count(dispatch->awaited) == 0)
        stop(dispatch, DISPATCH_DONE);
}

static void on_round(void *context)
{
    struct dispatch *dispatch = context;
    struct err why = ERR_INIT;
    if (!dispatch->running)
        return;
    if (!console_flush(&dispatch->console, &why) || publisher_failed(dispatch->publisher, &why) ||
        !feed(dispatch, &why)) {
        fail(dispatch, &why);
        return;
    }
    publisher_flush(dispatch->publisher);
    finish_when_complete(dispatch);
}

static bool set_up(struct dispatch *dispatch, struct err *err)
{
    const struct dispatch_options *options = &dispatch->options;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct publisher_callbacks published = {dispatch, on_settled};
    struct waiter_callbacks waited = {dispatch, on_result};
    if (!console_open(&dispatch->console, options->output, options->results_file, err))
        return false;
    if ((dispatch->loop = loop_open(err)) == NULL ||
        !loop_watch_signals(dispatch->loop, signals, (int)ARRAY_SIZE(signals), on_signal, dispatch, err))
        return false;
    loop_set_prepare(dispatch->loop, on_round, dispatch);
    dispatch->progress_timer = loop_timer_new(dispatch->loop, draw_progress, dispatch);
    dispatch->rate_timer = loop_timer_new(dispatch->loop, on_wake, dispatch);
    dispatch->timeout_timer = loop_timer_new(dispatch->loop, on_timeout, dispatch);
    if (dispatch->progress_timer == NULL || dispatch->rate_timer == NULL || dispatch->timeout_timer == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for timers");
    dispatch->publisher = publisher_new(dispatch->loop, options->config, &published, err);
    if (dispatch->publisher == NULL || !publisher_connect(dispatch->publisher, err))
        return false;
    if (options->wait) {
        dispatch->awaited = awaited_new();
        if (dispatch->awaited == NULL)
            return err_set(err, ERR_NO_MEMORY, "no memory for the set of awaited tasks");
        dispatch->waiter = waiter_new(dispatch->loop, options->config, &waited, err);
        if (dispatch->waiter == NULL || !waiter_connect(dispatch->waiter, err))
            return false;
    }
    return console_start(&dispatch->console, err);
}

struct dispatch *dispatch_open(const struct dispatch_options *options, struct err *err)
{
    if (!producer_config_need_amqp(options->config, err))
        return NULL;
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (dispatch == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory");
        return NULL;
    }
    dispatch->options = *options;
    if (!set_up(dispatch, err)) {
        dispatch_close(dispatch);
        return NULL;
    }
    return dispatch;
}

void dispatch_close(struct dispatch *dispatch)
{
    if (dispatch == NULL)
        return;
    outgoing_free(&dispatch->held);
    waiter_free(dispatch->waiter);
    publisher_free(dispatch->publisher);
    awaited_free(dispatch->awaited);
    queue_checks_free(&dispatch->checks);
    (void)console_close(&dispatch->console, NULL);
    if (dispatch->loop != NULL)
        loop_close(dispatch->loop);
    free(dispatch);
}

struct loop *dispatch_loop(struct dispatch *dispatch)
{
    return dispatch->loop;
}

bool dispatch_connected(const struct dispatch *dispatch)
{
    return publisher_broker(dispatch->publisher) != NULL;
}

void dispatch_wake(struct dispatch *dispatch)
{
    loop_timer_set(dispatch->rate_timer, clock_ms());
}

bool dispatch_expect_job(struct dispatch *dispatch, const char *job_id, struct err *err)
{
    if (waiter_bind_job(dispatch->waiter, job_id, err))
        return true;
    if (err->code == ERR_NONE)
        err_set(err, ERR_UNREACHABLE, "lost the broker before anything was published");
    return false;
}

bool dispatch_check_queue(struct dispatch *dispatch, const char *routing_key, struct err *err)
{
    return queue_check(publisher_broker(dispatch->publisher), routing_key, err);
}

bool dispatch_announce(struct dispatch *dispatch, const struct job_message *message, struct err *err)
{
    autobuf struct buf body = BUF_INIT;
    autobuf struct buf key = BUF_INIT;
    job_message_to_json(message, &body);
    jobs_routing_key(message->job_id, "job", &key);
    if (body.failed || key.failed)
        return err_set(err, ERR_NO_MEMORY, "no memory for a job message");
    size_t size = body.size;
    struct publication_fields fields = {.exchange = EXCHANGE_RESULTS,
                                        .type = TYPE_JOB,
                                        .routing_key = buf_text(&key),
                                        .job_id = message->job_id,
                                        .body = buf_steal(&body, NULL),
                                        .body_size = size};
    return publisher_send(dispatch->publisher, &fields, err);
}

enum dispatch_end dispatch_run(struct dispatch *dispatch, const struct source *source,
                               struct dispatch_report *report, struct err *err)
{
    memset(report, 0, sizeof *report);
    dispatch->source = source;
    dispatch->report = report;
    dispatch->err = err;
    dispatch->running = true;
    dispatch->started_ms = clock_ms();
    if (dispatch->options.timeout_ms > 0)
        loop_timer_set(dispatch->timeout_timer, dispatch->started_ms + dispatch->options.timeout_ms);
    if (!dispatch->options.quiet && isatty(fileno(stderr)) == 1)
        loop_timer_set(dispatch->progress_timer, dispatch->started_ms + PROGRESS_MS);
    struct err why = ERR_INIT;
    if (!loop_run(dispatch->loop, &why))
        fail(dispatch, &why);
    loop_timer_stop(dispatch->progress_timer);
    console_clear_progress(&dispatch->console);
    if (report->end == DISPATCH_TIMED_OUT && dispatch->stopping)
        report->end = DISPATCH_INTERRUPTED;
    report->elapsed_ms = clock_ms() - dispatch->started_ms;
    report->summary.missing = awaited_count(dispatch->awaited);
    if (!console_close(&dispatch->console, &why) && report->end != DISPATCH_FAILED) {
        *err = why;
        report->end = DISPATCH_FAILED;
    }
    return report->end;
}

int dispatch_exit_status(const struct dispatch_report *report)
{
    if (report->end == DISPATCH_INTERRUPTED)
        return 128 + report->signal_number;
    if (report->end == DISPATCH_FAILED || report->returned > 0)
        return 4;
    if (report->end == DISPATCH_TIMED_OUT)
        return 5;
    return summary_all_pass(&report->summary) ? 0 : 1;
}
