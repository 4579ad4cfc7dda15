#include "collector/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "collector/memory.h"
#include "common/log.h"

#define WINDOW   256 /* unconfirmed at once */
#define RETRY_MS 1000

struct post {
    struct broker_message message;
    bool routed;
    outbox_done_fn *done;
    void *context;
    uint64_t sequence; /* 0 = not published yet */
    bool returned;
    int64_t not_before_ms;
    struct post *next;
};

struct outbox {
    struct post *posts; /* in the order of posting */
    size_t count, unconfirmed;
    bool blocked;
};

struct outbox *outbox_new(void)
{
    return memory_take(sizeof(struct outbox));
}

void outbox_free(struct outbox *outbox)
{
    free(outbox);
}

void outbox_post(struct outbox *outbox, const struct broker_message *message, bool routed,
                 outbox_done_fn *done, void *context)
{
    struct post *post = memory_take(sizeof(*post));
    *post = (struct post){.message = *message, .routed = routed, .done = done, .context = context};
    struct post **end = &outbox->posts;
    while (*end != NULL)
        end = &(*end)->next;
    *end = post;
    outbox->count++;
}

bool outbox_step(struct outbox *outbox, struct broker *broker, int64_t now_ms, struct err *err)
{
    if (broker == NULL || outbox->blocked)
        return true;
    for (struct post *post = outbox->posts; post != NULL && outbox->unconfirmed < WINDOW; post = post->next) {
        if (post->sequence != 0 || post->not_before_ms > now_ms)
            continue;
        if (!broker_publish(broker, &post->message, post->routed, &post->sequence, err))
            return false;
        outbox->unconfirmed++;
    }
    return true;
}

int64_t outbox_deadline_ms(const struct outbox *outbox)
{
    int64_t first = INT64_MAX;
    for (const struct post *post = outbox->posts; post != NULL; post = post->next) {
        if (post->sequence == 0 && post->not_before_ms < first)
            first = post->not_before_ms;
    }
    return first;
}

static void try_again(struct post *post, const char *why, int64_t now_ms)
{
    log_warn("publish to %s, key %s: %s; again in %d ms", post->message.exchange, post->message.routing_key,
             why, RETRY_MS);
    post->sequence = 0;
    post->returned = false;
    post->not_before_ms = now_ms + RETRY_MS;
}

void outbox_confirm(struct outbox *outbox, uint64_t sequence, bool multiple, bool accepted, int64_t now_ms)
{
    struct post **link = &outbox->posts;
    struct post *ended = NULL;
    struct post **ended_end = &ended;
    while (*link != NULL) {
        struct post *post = *link;
        bool meant =
            post->sequence != 0 && (post->sequence == sequence || (multiple && post->sequence < sequence));
        if (!meant) {
            link = &post->next;
            continue;
        }
        outbox->unconfirmed--;
        if (accepted && !post->returned) {
            *link = post->next;
            post->next = NULL;
            *ended_end = post;
            ended_end = &post->next;
            continue;
        }
        try_again(post, post->returned ? "no queue takes it; is the broker set up?" : "refused by the broker",
                  now_ms);
        link = &post->next;
    }
    while (ended != NULL) { /* callbacks may post */
        struct post *post = ended;
        ended = post->next;
        outbox->count--;
        post->done(post->context, true);
        free(post);
    }
}

/* The return comes before the confirm of the same message (RabbitMQ, "Publishers", unroutable messages). */
void outbox_return(struct outbox *outbox, const struct broker_message *message, const char *why)
{
    for (struct post *post = outbox->posts; post != NULL; post = post->next) {
        if (post->sequence == 0 || post->returned || strcmp(post->message.exchange, message->exchange) != 0 ||
            strcmp(post->message.routing_key, message->routing_key) != 0)
            continue;
        log_debug("message to %s came back: %s", message->exchange, why);
        post->returned = true;
        return;
    }
}

void outbox_block(struct outbox *outbox, bool blocked)
{
    outbox->blocked = blocked;
}

void outbox_drop(struct outbox *outbox)
{
    struct post *posts = outbox->posts;
    *outbox = (struct outbox){0};
    while (posts != NULL) {
        struct post *post = posts;
        posts = post->next;
        post->done(post->context, false);
        free(post);
    }
}

size_t outbox_held(const struct outbox *outbox)
{
    return outbox->count;
}

uint64_t outbox_oldest_unconfirmed(const struct outbox *outbox)
{
    uint64_t oldest = 0;
    for (const struct post *post = outbox->posts; post != NULL; post = post->next)
        if (post->sequence != 0 && (oldest == 0 || post->sequence < oldest))
            oldest = post->sequence;
    return oldest;
}
