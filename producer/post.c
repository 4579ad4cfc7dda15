#include "producer/post.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"

#define CONFIRM_TIMEOUT_MS 30000

struct post {
    struct broker *broker;
    uint64_t awaited;
    bool settled, accepted, returned;
    char blocked[200]; /* the broker's reason; "" = it takes messages */
};

static void on_confirm(void *context, uint64_t sequence, bool multiple, bool accepted)
{
    struct post *post = context;
    if (sequence != post->awaited && !(multiple && sequence > post->awaited))
        return;
    post->settled = true;
    post->accepted = accepted;
}

static void on_return(void *context, const struct broker_message *message, int code, const char *text)
{
    struct post *post = context;
    (void)message, (void)code, (void)text;
    post->returned = true;
}

static void on_blocked(void *context, const char *reason)
{
    struct post *post = context;
    (void)snprintf(post->blocked, sizeof post->blocked, "%s", reason != NULL ? reason : "");
}

struct post *post_open(const struct producer_config *config, struct err *err)
{
    if (!producer_config_need_amqp(config, err))
        return NULL;
    struct post *post = calloc(1, sizeof *post);
    if (post == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory for a connection");
        return NULL;
    }
    const struct broker_options options = {.url = config->amqp_url,
                                           .connection_name = "assay-producer post",
                                           .heartbeat_s = (int)config->heartbeat_s,
                                           .connect_timeout_ms = (int)(config->connect_timeout_s * 1000)};
    const struct broker_handler handler = {
        .context = post, .on_confirm = on_confirm, .on_return = on_return, .on_blocked = on_blocked};
    post->broker = broker_open(&options, &handler, err);
    if (post->broker == NULL) {
        free(post);
        return NULL;
    }
    return post;
}

void post_close(struct post *post)
{
    if (post == NULL)
        return;
    broker_close(post->broker);
    free(post);
}

/* Takes what comes until `done` is true; false when the time is over or the connection lost. */
static bool wait_for(struct post *post, const bool *done, int64_t deadline_ms, struct err *err)
{
    while (!*done) {
        int64_t left_ms = deadline_ms - clock_ms();
        if (left_ms <= 0)
            return err_set(err, ERR_UNREACHABLE, "the broker did not confirm the message in %d s%s%s",
                           CONFIRM_TIMEOUT_MS / 1000,
                           post->blocked[0] != '\0' ? ": it blocks publishers: " : "", post->blocked);
        if (!broker_wait(post->broker, left_ms < 1000 ? (int)left_ms : 1000, err))
            return false;
    }
    return true;
}

bool post_send(struct post *post, const struct broker_message *message, struct err *err)
{
    post->settled = false;
    post->returned = false;
    if (!broker_publish(post->broker, message, true, &post->awaited, err) ||
        !wait_for(post, &post->settled, clock_ms() + CONFIRM_TIMEOUT_MS, err))
        return false;
    if (post->returned)
        return err_set(err, ERR_PROTOCOL, "exchange %s, routing key '%s': no queue takes it",
                       message->exchange, message->routing_key);
    return post->accepted || err_set(err, ERR_UNREACHABLE,
                                     "the broker refuses the message: a queue is full, or has no leader; try "
                                     "again later");
}
