#include "common/broker_link.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "common/backoff.h"
#include "common/broker/url.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/silence.h"

#define TICK_MS SILENCE_LOOK_MS
/* A connection that dies younger counts as one more failure, so that a broker which takes connections and
 * refuses the work is not asked without a pause. */
#define STEADY_MS 5000
/* Opening blocks the loop: in the background a silent peer gets little patience at first. */
#define PATIENCE_MS 2000

struct broker_link {
    struct loop *loop;
    struct broker_options options;
    char *url, *connection_name;
    struct broker_handler handler;
    struct broker_link_callbacks callbacks;
    struct broker *broker;
    struct loop_watch *watch;
    struct loop_timer *timer; /* while up: heartbeats; while down: the next attempt */
    struct backoff backoff;
    unsigned turn, host_count; /* the host of the next attempt, and how many the URL names */
    int64_t up_since_ms;
    struct silence silence;
    unsigned depth;     /* of calls on the stack that use `broker` */
    bool failed;        /* to be taken down once depth is 0 */
    struct err failure; /* why */
};

static uint32_t random_number(void)
{
    uint32_t number = 0;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        number = (uint32_t)clock_us();
    return number;
}

static void schedule(struct broker_link *link)
{
    loop_timer_set(link->timer, clock_ms() + backoff_next(&link->backoff, random_number()));
}

static void drop(struct broker_link *link)
{
    loop_watch_remove(link->watch);
    link->watch = NULL;
    broker_close(link->broker);
    link->broker = NULL;
    link->failed = false;
}

static void take_down(struct broker_link *link)
{
    struct err why = link->failure;
    if (clock_ms() - link->up_since_ms >= STEADY_MS)
        backoff_reset(&link->backoff);
    drop(link);
    schedule(link);
    if (link->callbacks.on_down != NULL)
        link->callbacks.on_down(link->callbacks.context, true, &why);
}

/* After each use of the connection: calls made inside of it may have failed. */
static void leave(struct broker_link *link)
{
    link->depth--;
    if (link->depth == 0 && link->failed && link->broker != NULL)
        take_down(link);
}

static void mark_failed(struct broker_link *link, const struct err *why)
{
    if (link->failed || link->broker == NULL)
        return;
    link->failed = true;
    link->failure = *why;
}

static void process(struct broker_link *link)
{
    if (link->broker == NULL || link->failed)
        return;
    struct err err = ERR_INIT;
    link->depth++;
    if (!broker_process(link->broker, &err))
        mark_failed(link, &err);
    leave(link);
}

static void on_readable(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    process(context);
}

/* Opens and greets. On failure everything is closed again and nothing scheduled. */
static bool attempt(struct broker_link *link, const struct broker_options *options, struct err *err)
{
    link->failed = false;
    link->broker = broker_open(options, &link->handler, err);
    if (link->broker == NULL)
        return false;
    link->watch = loop_watch_fd(link->loop, broker_fd(link->broker), EPOLLIN, on_readable, link, err);
    bool up = link->watch != NULL;
    link->depth++;
    if (up && link->callbacks.on_up != NULL)
        up = link->callbacks.on_up(link->callbacks.context, link->broker, err);
    link->depth--;
    if (up && link->failed) {
        *err = link->failure;
        up = false;
    }
    if (!up) {
        drop(link);
        return false;
    }
    link->up_since_ms = clock_ms();
    silence_begin(&link->silence, link->up_since_ms);
    loop_timer_set(link->timer, link->up_since_ms + TICK_MS);
    return true;
}

/* One host at a time, so that the loop stands still no longer than for one; the wait comes after a round. */
static void attempt_again(struct broker_link *link)
{
    struct err err = ERR_INIT;
    struct broker_options options = link->options;
    options.turn = link->turn++;
    options.only_one = true;
    int64_t patience_ms = (int64_t)PATIENCE_MS * (link->backoff.attempts + 1);
    if (options.connect_timeout_ms <= 0 || patience_ms < options.connect_timeout_ms)
        options.connect_timeout_ms = (int)patience_ms;
    if (attempt(link, &options, &err))
        return;
    if (link->turn % link->host_count == 0)
        schedule(link);
    else
        loop_timer_set(link->timer, clock_ms());
    if (link->callbacks.on_down != NULL)
        link->callbacks.on_down(link->callbacks.context, false, &err);
}

/* After everything that has arrived was taken: a confirm may be among it. */
static void watch_silence(struct broker_link *link)
{
    struct err err = ERR_INIT;
    if (link->broker == NULL || link->callbacks.oldest_unconfirmed == NULL ||
        link->options.confirm_timeout_s <= 0)
        return;
    int64_t now_ms = clock_ms();
    if (broker_is_blocked(link->broker)) {
        silence_excuse(&link->silence, now_ms);
        return;
    }
    uint64_t oldest = link->callbacks.oldest_unconfirmed(link->callbacks.context);
    if (!silence_look(&link->silence, oldest, (int64_t)link->options.confirm_timeout_s * 1000, now_ms))
        return;
    (void)err_set(&err, ERR_UNREACHABLE,
                  "the broker has not confirmed a message within confirm_timeout_s = %d (a queue without a "
                  "majority of its nodes?): it is published again over a new connection",
                  link->options.confirm_timeout_s);
    broker_link_fail(link, &err);
}

static void on_timer(void *context)
{
    struct broker_link *link = context;
    if (link->broker == NULL) {
        attempt_again(link);
        return;
    }
    loop_timer_set(link->timer, clock_ms() + TICK_MS);
    if (link->failed && link->depth == 0)
        take_down(link);
    else
        process(link);
    watch_silence(link);
}

/* A malformed URL counts as one host: the attempt to open it tells. */
static unsigned count_hosts(const char *text)
{
    struct broker_url url;
    if (!broker_url_parse(text, 0, &url, NULL))
        return 1;
    unsigned count = url.host_count;
    broker_url_free(&url);
    return count;
}

struct broker_link *broker_link_new(struct loop *loop, const struct broker_options *options,
                                    const struct broker_handler *handler,
                                    const struct broker_link_callbacks *callbacks, struct err *err)
{
    struct broker_link *link = calloc(1, sizeof(*link));
    if (link == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "broker connection: out of memory");
        return NULL;
    }
    link->loop = loop;
    link->handler = *handler;
    link->callbacks = *callbacks;
    link->backoff = (struct backoff)BACKOFF_INIT;
    link->options = *options;
    link->url = strdup(options->url == NULL ? "" : options->url);
    link->connection_name = strdup(options->connection_name == NULL ? "assay" : options->connection_name);
    link->turn = random_number() % 1024; /* a fleet spreads over the nodes of a cluster */
    link->options.turn = link->turn;
    link->host_count = count_hosts(options->url);
    link->options.url = link->url;
    link->options.connection_name = link->connection_name;
    link->timer = loop_timer_new(loop, on_timer, link);
    if (link->url == NULL || link->connection_name == NULL || link->timer == NULL) {
        broker_link_free(link);
        (void)err_set(err, ERR_NO_MEMORY, "broker connection: out of memory");
        return NULL;
    }
    return link;
}

bool broker_link_connect(struct broker_link *link, struct err *err)
{
    struct err why = ERR_INIT;
    if (link->broker != NULL || attempt(link, &link->options, &why))
        return true;
    if (err != NULL)
        *err = why;
    return false;
}

void broker_link_start(struct broker_link *link)
{
    if (link->broker == NULL)
        loop_timer_set(link->timer, clock_ms());
}

struct broker *broker_link_broker(struct broker_link *link)
{
    return link->failed ? NULL : link->broker;
}

void broker_link_fail(struct broker_link *link, const struct err *why)
{
    mark_failed(link, why);
    /* The caller may stand deep inside a callback that still holds the connection: the next round takes it
     * down. */
    if (link->broker != NULL)
        loop_timer_set(link->timer, clock_ms());
}

void broker_link_free(struct broker_link *link)
{
    if (link == NULL)
        return;
    if (link->broker != NULL)
        drop(link);
    loop_timer_free(link->timer);
    if (link->url != NULL)
        explicit_bzero(link->url, strlen(link->url));
    free(link->url);
    free(link->connection_name);
    free(link);
}
