#include "producer/publisher.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/broker_link.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "producer/window.h"

/* Unconfirmed bytes that let the next message in; with one message on top this bounds the memory. */
#define WINDOW_BYTES ((size_t)64 * 1024 * 1024)
/* Connections that the server ended with an exception, one after the other without a confirm. */
#define REFUSALS_MAX 3
/* The part of the window that is filled again at once. */
#define BURST_PART 4
/* A quorum queue without a majority of its nodes neither confirms nor refuses: after this it is said. */
#define SILENCE_MS 10000

struct publication {
    struct window_item item; /* first: window.c knows only this */
    const char *exchange, *type;
    char routing_key[256]; /* AMQP 0-9-1 4.2.5.3: short strings hold 255 bytes */
    char message_id[TEXT_ID_MAX + 1];
    char job_id[TEXT_ID_MAX + 1];
    char *body;
    uint64_t tag;
};

struct publisher {
    struct loop *loop;
    struct broker_link *link;
    struct loop_timer *timer, *silence;
    struct publisher_callbacks callbacks;
    struct window window;
    unsigned refusals;
    struct err failure; /* set once: final */
    bool down, blocked;
    bool watched;          /* `silence` is set */
    bool answered, silent; /* any message was confirmed or refused since, or none by its end */
    bool full;             /* the window was, and has not emptied by a part since */
    char stalled[1200];
    int64_t warned_ms; /* the last complaint about a full queue */
};

const char *publication_job_id(const struct publication *publication)
{
    return publication->job_id;
}

const char *publication_message_id(const struct publication *publication)
{
    return publication->message_id;
}

const char *publication_routing_key(const struct publication *publication)
{
    return publication->routing_key;
}

uint64_t publication_tag(const struct publication *publication)
{
    return publication->tag;
}

bool publication_is_task(const struct publication *publication)
{
    return strcmp(publication->type, TYPE_TASK) == 0;
}

static void publication_free(struct publication *publication)
{
    if (publication == NULL)
        return;
    free(publication->body);
    free(publication);
}

static uint32_t random_number(void)
{
    uint32_t number = 0;
    (void)getrandom(&number, sizeof number, GRND_NONBLOCK);
    return number;
}

static void settled(void *context, struct window_item *item)
{
    struct publisher *publisher = context;
    struct publication *publication = (struct publication *)item;
    publisher->refusals = 0;
    publisher->callbacks.on_settled(publisher->callbacks.context, publication,
                                    item->returned ? PUBLICATION_RETURNED : PUBLICATION_CONFIRMED);
    publication_free(publication);
}

static void on_confirm(void *context, uint64_t sequence, bool multiple, bool accepted)
{
    struct publisher *publisher = context;
    int64_t now_ms = accepted ? 0 : clock_ms();
    if (publisher->silent && accepted)
        log_info("the broker confirms messages again");
    publisher->answered = true;
    publisher->silent = false;
    if (!accepted && now_ms >= publisher->warned_ms) {
        log_warn(
            "the broker refuses messages (a queue is full or has no leader); trying again until it takes "
            "them");
        publisher->warned_ms = now_ms + 30000;
    }
    /* Only a refusal's pause is random. */
    window_confirm(&publisher->window, sequence, multiple, accepted, now_ms, accepted ? 0 : random_number(),
                   settled, publisher);
}

/* basic.return comes in the order of publishing and before the message's confirm, so the first match is it.
 */
static void on_return(void *context, const struct broker_message *message, int code, const char *text)
{
    struct publisher *publisher = context;
    (void)code;
    (void)text;
    const char *id = message->message_id != NULL ? message->message_id : "";
    const char *key = message->routing_key != NULL ? message->routing_key : "";
    for (struct window_item *item = publisher->window.sent.first; item != NULL; item = item->next) {
        struct publication *publication = (struct publication *)item;
        if (!item->returned && strcmp(publication->message_id, id) == 0 &&
            strcmp(publication->routing_key, key) == 0) {
            item->returned = true;
            return;
        }
    }
}

static void on_blocked(void *context, const char *reason)
{
    struct publisher *publisher = context;
    publisher->blocked = reason != NULL;
    if (reason != NULL) {
        (void)snprintf(publisher->stalled, sizeof publisher->stalled, "the broker blocks publishing: %.900s",
                       reason);
        log_warn("%s", publisher->stalled);
    } else {
        log_info("the broker takes messages again");
    }
}

static bool on_up(void *context, struct broker *broker, struct err *err)
{
    (void)broker;
    (void)err;
    struct publisher *publisher = context;
    if (publisher->down)
        log_info("connected to the broker again; %zu unconfirmed messages are sent again",
                 publisher->window.count);
    publisher->down = false;
    publisher->blocked = false;
    publisher->silent = false;
    return true;
}

static void on_down(void *context, bool was_up, const struct err *why)
{
    struct publisher *publisher = context;
    window_lost(&publisher->window);
    publisher->blocked = false;
    if (!publisher->down)
        log_warn("lost the broker: %s; connecting again", why->text);
    publisher->down = true;
    (void)snprintf(publisher->stalled, sizeof publisher->stalled, "no broker: %s", why->text);
    bool refused = why->code == ERR_PROTOCOL || why->code == ERR_DENIED;
    if (was_up && refused && ++publisher->refusals >= REFUSALS_MAX)
        publisher->failure = *why;
}

static uint64_t oldest_unconfirmed(void *context)
{
    const struct publisher *publisher = context;
    const struct window_item *oldest = publisher->window.sent.first;
    return oldest != NULL ? oldest->sequence : 0;
}

static void watch_for_silence(struct publisher *publisher)
{
    if (publisher->watched || publisher->window.sent.first == NULL)
        return;
    publisher->watched = true;
    loop_timer_set(publisher->silence, clock_ms() + SILENCE_MS);
}

static void on_silence(void *context)
{
    struct publisher *publisher = context;
    bool said = publisher->silent;
    publisher->watched = false;
    publisher->silent = !publisher->answered && publisher->window.sent.first != NULL && !publisher->down &&
                        !publisher->blocked;
    publisher->answered = false;
    if (publisher->silent && !said) {
        (void)snprintf(
            publisher->stalled, sizeof publisher->stalled,
            "the broker confirms nothing (a queue without a majority of its nodes, or a slow disk? "
            "its management UI shows both); waiting for it");
        log_warn("%s", publisher->stalled);
    }
    watch_for_silence(publisher);
}

static void on_timer(void *context)
{
    (void)context; /* waking the loop is enough: its prepare callback flushes */
}

struct publisher *publisher_new(struct loop *loop, const struct producer_config *config,
                                const struct publisher_callbacks *callbacks, struct err *err)
{
    struct publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory for a publisher");
        return NULL;
    }
    publisher->loop = loop;
    publisher->callbacks = *callbacks;
    window_init(&publisher->window, (size_t)config->window, WINDOW_BYTES);
    struct broker_options options = {.url = config->amqp_url,
                                     .connection_name = "assay-producer",
                                     .heartbeat_s = (int)config->heartbeat_s,
                                     .confirm_timeout_s = (int)config->confirm_timeout_s,
                                     .connect_timeout_ms = (int)config->connect_timeout_s * 1000};
    struct broker_handler handler = {
        .context = publisher, .on_confirm = on_confirm, .on_return = on_return, .on_blocked = on_blocked};
    struct broker_link_callbacks link = {publisher, on_up, on_down, oldest_unconfirmed};
    publisher->timer = loop_timer_new(loop, on_timer, publisher);
    publisher->silence = loop_timer_new(loop, on_silence, publisher);
    publisher->link = broker_link_new(loop, &options, &handler, &link, err);
    if (publisher->timer == NULL || publisher->silence == NULL)
        err_set(err, ERR_NO_MEMORY, "no memory for a timer");
    if (publisher->link == NULL || publisher->timer == NULL || publisher->silence == NULL) {
        publisher_free(publisher);
        return NULL;
    }
    return publisher;
}

bool publisher_connect(struct publisher *publisher, struct err *err)
{
    if (!broker_link_connect(publisher->link, err))
        return false;
    broker_link_start(publisher->link);
    return true;
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    broker_link_free(publisher->link);
    loop_timer_free(publisher->timer);
    loop_timer_free(publisher->silence);
    for (struct window_item *item = NULL; (item = window_remove_any(&publisher->window)) != NULL;)
        publication_free((struct publication *)item);
    free(publisher);
}

/* A full window is let run empty by a quarter: one burst of messages costs both sides less than as many
 * single ones. */
bool publisher_has_room(struct publisher *publisher)
{
    const struct window *window = &publisher->window;
    if (!window_has_room(window))
        publisher->full = true;
    else if (window->count <= window->limit - window->limit / BURST_PART)
        publisher->full = false;
    return !publisher->full;
}

static bool copy_text(char *out, size_t size, const char *text)
{
    size_t length = text != NULL ? strnlen(text, size) : 0;
    if (length == size)
        return false;
    memcpy(out, text != NULL ? text : "", length);
    out[length] = '\0';
    return true;
}

static bool fill(struct publication *publication, const struct publication_fields *fields, struct err *err)
{
    publication->exchange = fields->exchange;
    publication->type = fields->type;
    publication->tag = fields->tag;
    publication->body = fields->body;
    publication->item.bytes = fields->body_size;
    if (copy_text(publication->routing_key, sizeof publication->routing_key, fields->routing_key) &&
        copy_text(publication->message_id, sizeof publication->message_id, fields->message_id) &&
        copy_text(publication->job_id, sizeof publication->job_id, fields->job_id))
        return true;
    return err_set(err, ERR_INTERNAL, "message '%s': a name is too long for AMQP",
                   fields->message_id != NULL ? fields->message_id : fields->routing_key);
}

bool publisher_send(struct publisher *publisher, const struct publication_fields *fields, struct err *err)
{
    struct publication *publication = calloc(1, sizeof *publication);
    if (publication == NULL) {
        free(fields->body);
        return err_set(err, ERR_NO_MEMORY, "no memory for a message");
    }
    if (!fill(publication, fields, err)) {
        publication_free(publication);
        return false;
    }
    window_add(&publisher->window, &publication->item);
    return true;
}

static bool send_one(struct publisher *publisher, struct broker *broker,
                     const struct publication *publication, struct err *err)
{
    int64_t now_ms = clock_unix_ms();
    struct broker_header published = {"assay-published-ms", NULL, now_ms};
    struct broker_message message = {
        .exchange = publication->exchange,
        .routing_key = publication->routing_key,
        .body = publication->body,
        .body_size = publication->item.bytes,
        .content_type = CONTENT_TYPE_JSON,
        .type = publication->type,
        .message_id = publication->message_id[0] != '\0' ? publication->message_id : NULL,
        .app_id = "assay-producer",
        .timestamp_s = now_ms / 1000,
        .persistent = true,
        .headers = &published,
        .header_count = 1,
    };
    uint64_t sequence = 0;
    if (!broker_publish(broker, &message, true, &sequence, err))
        return false;
    window_sent(&publisher->window, sequence);
    return true;
}

static void send_waiting(struct publisher *publisher, struct broker *broker, int64_t now_ms)
{
    struct window_item *item;
    while ((item = window_next(&publisher->window, now_ms)) != NULL) {
        struct err why = ERR_INIT;
        if (!send_one(publisher, broker, (const struct publication *)item, &why)) {
            broker_link_fail(publisher->link, &why);
            return;
        }
    }
}

void publisher_flush(struct publisher *publisher)
{
    int64_t now_ms = clock_ms();
    struct broker *broker = broker_link_broker(publisher->link);
    const struct window_item *first = window_next(&publisher->window, now_ms);
    if (broker != NULL && !publisher->blocked && first != NULL) {
        bool burst = first->next != NULL;
        if (burst)
            broker_cork(broker, true);
        send_waiting(publisher, broker, now_ms);
        if (burst)
            broker_cork(broker, false);
    }
    if (publisher->window.paused_until_ms > now_ms)
        loop_timer_set(publisher->timer, publisher->window.paused_until_ms);
    watch_for_silence(publisher);
}

bool publisher_is_idle(const struct publisher *publisher)
{
    return publisher->window.count == 0;
}

size_t publisher_unconfirmed(const struct publisher *publisher)
{
    return publisher->window.count;
}

const char *publisher_stalled(const struct publisher *publisher)
{
    if (publisher->down || publisher->blocked || publisher->silent)
        return publisher->stalled;
    return publisher->window.paused_until_ms > clock_ms() ? "the broker refuses: a queue is full" : NULL;
}

bool publisher_failed(const struct publisher *publisher, struct err *err)
{
    if (publisher->failure.code == ERR_NONE)
        return false;
    *err = publisher->failure;
    return true;
}

struct broker *publisher_broker(struct publisher *publisher)
{
    return broker_link_broker(publisher->link);
}
