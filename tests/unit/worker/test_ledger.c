#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/ledger.h"

/* What settle and forget were called for. */
struct seen {
    char tasks[256];
    uint64_t tags[8];
    size_t tag_count;
};

static void see(void *context, struct entry *entry)
{
    struct seen *seen = context;
    strcat(strcat(seen->tasks, entry->task_id), " ");
    for (size_t i = 0; i < entry->claim_count; i++)
        seen->tags[seen->tag_count++] = entry->claims[i].tag;
}

static struct entry *receive_flagged(struct ledger *ledger, const char *task, unsigned char body,
                                     uint64_t tag, bool redelivered, bool expect_joined)
{
    unsigned char digest[DIGEST_SIZE];
    memset(digest, body, sizeof digest);
    struct ledger_receipt receipt = {.job_id = "job",
                                     .task_id = task,
                                     .digest = digest,
                                     .tag = tag,
                                     .redelivered = redelivered,
                                     .reply_to = "assay.reply.a",
                                     .correlation_id = "c"};
    bool joined;
    struct entry *entry = ledger_receive(ledger, &receipt, &joined);
    assert_non_null(entry);
    assert_int_equal(joined, expect_joined);
    return entry;
}

static struct entry *receive(struct ledger *ledger, const char *task, unsigned char body, uint64_t tag,
                             bool expect_joined)
{
    return receive_flagged(ledger, task, body, tag, false, expect_joined);
}

static void finish(struct ledger *ledger, struct entry *entry, const char *body)
{
    ledger_finish(ledger, entry, strdup(body), strlen(body), strdup("job.pass"));
}

static size_t confirm(struct ledger *ledger, uint64_t sequence, bool multiple, bool accepted,
                      struct seen *seen)
{
    struct ledger_verdict verdict = {
        .sequence = sequence, .multiple = multiple, .accepted = accepted, .now_ms = 1000, .random = 12345};
    return ledger_confirm(ledger, &verdict, see, seen);
}

static int open_ledger(void **state)
{
    *state = ledger_new();
    return *state == NULL;
}

static int close_ledger(void **state)
{
    ledger_free(*state);
    return 0;
}

static void a_task_is_acknowledged_after_its_results_confirm(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    struct entry *entry = receive(ledger, "t1", 1, 7, false);
    assert_int_equal(entry->state, ENTRY_WAITING);
    assert_null(ledger_next_to_publish(ledger, 0));
    ledger_start(ledger, entry);
    finish(ledger, entry, "result");
    assert_ptr_equal(ledger_next_to_publish(ledger, 0), entry);
    ledger_published(ledger, entry, 3);
    assert_null(ledger_next_to_publish(ledger, 0));
    confirm(ledger, 2, false, true, &seen);
    assert_string_equal(seen.tasks, "");
    confirm(ledger, 3, false, true, &seen);
    assert_string_equal(seen.tasks, "t1 ");
    assert_int_equal(seen.tags[0], 7);
    assert_int_equal(ledger_total(ledger), 0);
}

static void a_multiple_confirm_settles_all_up_to_it(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    const char *names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        struct entry *entry = receive(ledger, names[i], 1, i + 1, false);
        finish(ledger, entry, names[i]);
        ledger_published(ledger, entry, i + 10);
    }
    struct entry *waiting = receive(ledger, "d", 1, 4, false); /* sequence 0: not meant */
    confirm(ledger, 11, true, true, &seen);
    assert_string_equal(seen.tasks, "a b ");
    assert_int_equal(ledger_count(ledger, ENTRY_PUBLISHED), 1);
    assert_int_equal(waiting->state, ENTRY_WAITING);
}

static void a_refused_result_is_held_and_tried_again(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    struct entry *entry = receive(ledger, "t", 1, 1, false);
    finish(ledger, entry, "r");
    ledger_published(ledger, entry, 1);
    assert_int_equal(confirm(ledger, 1, false, false, &seen), 1);
    assert_int_equal(entry->state, ENTRY_HELD);
    assert_true(entry->retry_at_ms >= 1000);
    assert_int_equal(ledger_next_retry_ms(ledger), entry->retry_at_ms);
    if (entry->retry_at_ms > 1000)
        assert_null(ledger_next_to_publish(ledger, entry->retry_at_ms - 1));
    assert_ptr_equal(ledger_next_to_publish(ledger, entry->retry_at_ms), entry);
    assert_int_equal(ledger_refused(ledger), 1);
    ledger_published(ledger, entry, 2);
    assert_int_equal(ledger_refused(ledger), 1); /* until it is taken */
    assert_int_equal(ledger_next_retry_ms(ledger), -1);
    confirm(ledger, 2, false, true, &seen);
    assert_string_equal(seen.tasks, "t ");
}

static void once_a_refused_result_is_taken_the_others_follow_at_once(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    struct entry *a = receive(ledger, "a", 1, 1, false);
    struct entry *b = receive(ledger, "b", 1, 2, false);
    finish(ledger, a, "a");
    finish(ledger, b, "b");
    ledger_published(ledger, a, 1);
    ledger_published(ledger, b, 2);
    confirm(ledger, 2, true, false, &seen);
    a->retry_at_ms = 5000;
    b->retry_at_ms = 9000;
    ledger_published(ledger, a, 3);
    confirm(ledger, 3, false, true, &seen);
    assert_string_equal(seen.tasks, "a ");
    assert_ptr_equal(ledger_next_to_publish(ledger, 1000), b);
    ledger_published(ledger, b, 4);
    confirm(ledger, 4, false, true, &seen);
    assert_int_equal(ledger_refused(ledger), 0);
}

static void a_returned_result_is_not_settled_by_its_confirm(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    struct entry *first = receive(ledger, "a", 1, 1, false);
    struct entry *second = receive(ledger, "b", 1, 2, false);
    finish(ledger, first, "result a");
    finish(ledger, second, "result b");
    ledger_published(ledger, first, 1);
    ledger_published(ledger, second, 2);
    assert_null(ledger_returned(ledger, "result c", 8));
    assert_ptr_equal(ledger_returned(ledger, "result b", 8), second);
    assert_int_equal(confirm(ledger, 2, true, true, &seen), 1);
    assert_string_equal(seen.tasks, "a ");
    assert_int_equal(second->state, ENTRY_HELD);
    /* Published again and routed this time. */
    ledger_published(ledger, second, 3);
    confirm(ledger, 3, false, true, &seen);
    assert_string_equal(seen.tasks, "a b ");
}

static void a_lost_connection_forgets_what_waits_and_keeps_what_runs(void **state)
{
    struct ledger *ledger = *state;
    struct seen forgotten = {.tasks = ""};
    struct entry *running = receive(ledger, "running", 1, 1, false);
    struct entry *published = receive(ledger, "published", 1, 2, false);
    struct entry *finished = receive(ledger, "finished", 1, 3, false);
    (void)receive(ledger, "waiting", 1, 4, false);
    struct entry *retried = receive(ledger, "retried", 1, 5, false);
    ledger_start(ledger, running);
    ledger_start(ledger, retried);
    ledger_wait_again(ledger, retried);
    finish(ledger, published, "p");
    ledger_published(ledger, published, 9);
    finish(ledger, finished, "f");

    ledger_lose_connection(ledger, see, &forgotten);
    assert_string_equal(forgotten.tasks, "waiting retried ");
    assert_int_equal(ledger_total(ledger), 3);
    assert_int_equal(running->claims[0].tag, 0);
    assert_int_equal(running->state, ENTRY_RUNNING);
    assert_int_equal(published->state, ENTRY_FINISHED);

    /* The old number means nothing on the new connection. */
    struct seen seen = {.tasks = ""};
    confirm(ledger, 9, true, true, &seen);
    assert_string_equal(seen.tasks, "");
    assert_ptr_equal(ledger_next_to_publish(ledger, 0), published);
    ledger_published(ledger, published, 1);
    confirm(ledger, 1, false, true, &seen);
    assert_string_equal(seen.tasks, "published ");
    assert_int_equal(seen.tags[0], 0); /* nothing to acknowledge: it will be delivered again */
    assert_int_equal(published->state, ENTRY_SETTLED);
    assert_int_equal(ledger_total(ledger), 2);
}

static void a_redelivery_joins_the_task_that_still_runs(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    struct entry *entry = receive(ledger, "t", 1, 5, false);
    ledger_start(ledger, entry);
    ledger_lose_connection(ledger, see, &seen);
    assert_ptr_equal(receive(ledger, "t", 1, 1, true), entry);
    assert_int_equal(entry->claim_count, 1); /* the lost claim, not one more */
    assert_string_equal(entry->claims[0].reply_to, "assay.reply.a");
    finish(ledger, entry, "r");
    ledger_published(ledger, entry, 1);
    confirm(ledger, 1, false, true, &seen);
    assert_string_equal(seen.tasks, "t ");
    assert_int_equal(seen.tags[0], 1);
}

/* A task whose result was confirmed, while its delivery was lost with a connection. */
static struct entry *settled_without_delivery(struct ledger *ledger)
{
    struct seen seen = {.tasks = ""};
    struct entry *entry = receive(ledger, "t", 1, 5, false);
    finish(ledger, entry, "r");
    ledger_lose_connection(ledger, see, &seen);
    ledger_published(ledger, entry, 1);
    confirm(ledger, 1, false, true, &seen);
    assert_int_equal(entry->state, ENTRY_SETTLED);
    return entry;
}

static void a_redelivery_after_the_confirm_does_not_run_again(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    struct entry *entry = settled_without_delivery(ledger);
    assert_ptr_equal(receive_flagged(ledger, "t", 1, 2, true, true), entry);
    assert_ptr_equal(ledger_next_to_publish(ledger, 0), entry); /* its result once more, then the ack */
    ledger_published(ledger, entry, 2);
    confirm(ledger, 2, false, true, &seen);
    assert_int_equal(seen.tag_count, 1);
    assert_int_equal(seen.tags[0], 2);
    assert_int_equal(ledger_count(ledger, ENTRY_SETTLED), 0);
}

static void a_task_published_anew_runs_again(void **state)
{
    struct ledger *ledger = *state;
    (void)settled_without_delivery(ledger);
    assert_int_equal(receive_flagged(ledger, "t", 1, 2, false, false)->state, ENTRY_WAITING);
    assert_int_equal(ledger_count(ledger, ENTRY_SETTLED), 0);
}

static void a_settled_task_is_forgotten_in_time(void **state)
{
    struct ledger *ledger = *state;
    (void)settled_without_delivery(ledger); /* confirmed at 1000 */
    ledger_expire(ledger, 1000 + LEDGER_KEEP_MS - 1);
    assert_int_equal(ledger_count(ledger, ENTRY_SETTLED), 1);
    ledger_expire(ledger, 1000 + LEDGER_KEEP_MS);
    assert_int_equal(ledger_count(ledger, ENTRY_SETTLED), 0);
}

static void the_same_identity_with_another_body_is_another_task(void **state)
{
    struct ledger *ledger = *state;
    struct entry *one = receive(ledger, "t", 1, 1, false);
    struct entry *two = receive(ledger, "t", 2, 2, false);
    assert_ptr_not_equal(one, two);
}

static void two_live_deliveries_of_one_task_are_both_acknowledged(void **state)
{
    struct ledger *ledger = *state;
    struct seen seen = {.tasks = ""};
    struct entry *entry = receive(ledger, "t", 1, 1, false);
    assert_ptr_equal(receive(ledger, "t", 1, 2, true), entry);
    finish(ledger, entry, "r");
    ledger_published(ledger, entry, 1);
    confirm(ledger, 1, false, true, &seen);
    assert_int_equal(seen.tag_count, 2);
    assert_int_equal(seen.tags[0], 1);
    assert_int_equal(seen.tags[1], 2);
}

static void removal_keeps_the_order_and_the_counts(void **state)
{
    struct ledger *ledger = *state;
    struct entry *a = receive(ledger, "a", 1, 1, false);
    struct entry *b = receive(ledger, "b", 1, 2, false);
    struct entry *c = receive(ledger, "c", 1, 3, false);
    ledger_remove(ledger, c);
    struct entry *d = receive(ledger, "d", 1, 4, false);
    ledger_remove(ledger, a);
    assert_ptr_equal(ledger_next(ledger, NULL, ENTRY_WAITING), b);
    assert_ptr_equal(ledger_next(ledger, b, ENTRY_WAITING), d);
    assert_null(ledger_next(ledger, d, ENTRY_WAITING));
    assert_int_equal(ledger_count(ledger, ENTRY_WAITING), 2);
}

int main(void)
{
#define LEDGER_TEST(f) cmocka_unit_test_setup_teardown(f, open_ledger, close_ledger)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(a_task_is_acknowledged_after_its_results_confirm),
        LEDGER_TEST(a_multiple_confirm_settles_all_up_to_it),
        LEDGER_TEST(a_refused_result_is_held_and_tried_again),
        LEDGER_TEST(once_a_refused_result_is_taken_the_others_follow_at_once),
        LEDGER_TEST(a_returned_result_is_not_settled_by_its_confirm),
        LEDGER_TEST(a_lost_connection_forgets_what_waits_and_keeps_what_runs),
        LEDGER_TEST(a_redelivery_joins_the_task_that_still_runs),
        LEDGER_TEST(a_redelivery_after_the_confirm_does_not_run_again),
        LEDGER_TEST(a_task_published_anew_runs_again),
        LEDGER_TEST(a_settled_task_is_forgotten_in_time),
        LEDGER_TEST(the_same_identity_with_another_body_is_another_task),
        LEDGER_TEST(two_live_deliveries_of_one_task_are_both_acknowledged),
        LEDGER_TEST(removal_keeps_the_order_and_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
