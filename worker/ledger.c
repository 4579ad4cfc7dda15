#include "worker/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ledger {
    /* A worker holds some tens of deliveries: a list does. Oldest first, so that results leave in order. */
    struct entry *head, *tail;
    size_t counts[ENTRY_STATES];
};

/* The one place where an entry changes state. */
static void entry_move(struct ledger *ledger, struct entry *entry, enum entry_state state)
{
    ledger->counts[entry->state]--;
    entry->state = state;
    ledger->counts[state]++;
}

static void drop_claims(struct entry *entry)
{
    for (size_t i = 0; i < entry->claim_count; i++) {
        free(entry->claims[i].reply_to);
        free(entry->claims[i].correlation_id);
    }
    free(entry->claims);
    entry->claims = NULL;
    entry->claim_count = 0;
}

static void entry_free(struct entry *entry)
{
    drop_claims(entry);
    free(entry->result);
    free(entry->routing_key);
    free(entry);
}

struct ledger *ledger_new(void)
{
    return calloc(1, sizeof(struct ledger));
}

void ledger_free(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    while (ledger->head != NULL)
        ledger_remove(ledger, ledger->head);
    free(ledger);
}

static struct entry *find_task(const struct ledger *ledger, const struct ledger_receipt *receipt)
{
    for (struct entry *entry = ledger->head; entry != NULL; entry = entry->next)
        if (memcmp(entry->digest, receipt->digest, DIGEST_SIZE) == 0 &&
            strcmp(entry->task_id, receipt->task_id) == 0 && strcmp(entry->job_id, receipt->job_id) == 0)
            return entry;
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* strdup that keeps NULL; false without memory. */
static bool copy_text(char **copy, const char *text)
{
    *copy = text != NULL ? strdup(text) : NULL;
    return text == NULL || *copy != NULL;
}

static bool add_claim(struct entry *entry, const struct ledger_receipt *receipt)
{
    for (size_t i = 0; i < entry->claim_count; i++) {
        struct claim *lost = &entry->claims[i];
        if (lost->tag == 0 && same_text(lost->reply_to, receipt->reply_to) &&
            same_text(lost->correlation_id, receipt->correlation_id)) {
            lost->tag = receipt->tag;
            return true;
        }
    }
    struct claim *claims = realloc(entry->claims, (entry->claim_count + 1) * sizeof *claims);
    if (claims == NULL)
        return false;
    entry->claims = claims;
    struct claim *claim = &claims[entry->claim_count];
    *claim = (struct claim){.tag = receipt->tag};
    if (!copy_text(&claim->reply_to, receipt->reply_to) ||
        !copy_text(&claim->correlation_id, receipt->correlation_id)) {
        free(claim->reply_to);
        return false;
    }
    entry->claim_count++;
    return true;
}

static struct entry *entry_new(const struct ledger_receipt *receipt)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    assert(strlen(receipt->job_id) <= TEXT_ID_MAX && strlen(receipt->task_id) <= TEXT_ID_MAX);
    strcpy(entry->job_id, receipt->job_id);
    strcpy(entry->task_id, receipt->task_id);
    memcpy(entry->digest, receipt->digest, DIGEST_SIZE);
    entry->state = ENTRY_WAITING;
    entry->backoff = (struct backoff)BACKOFF_INIT;
    return entry;
}

struct entry *ledger_receive(struct ledger *ledger, const struct ledger_receipt *receipt, bool *joined)
{
    struct entry *entry = find_task(ledger, receipt);
    if (entry != NULL && entry->state == ENTRY_SETTLED && !receipt->redelivered) {
        ledger_remove(ledger, entry); /* published anew: it is to run again */
        entry = NULL;
    }
    *joined = entry != NULL;
    if (entry != NULL) {
        if (!add_claim(entry, receipt))
            return NULL;
        if (entry->state == ENTRY_SETTLED)
            entry_move(ledger, entry, ENTRY_FINISHED);
        return entry;
    }

    entry = entry_new(receipt);
    if (entry == NULL)
        return NULL;
    if (!add_claim(entry, receipt)) {
        entry_free(entry);
        return NULL;
    }
    if (ledger->tail != NULL)
        ledger->tail->next = entry;
    else
        ledger->head = entry;
    ledger->tail = entry;
    ledger->counts[entry->state]++;
    return entry;
}

void ledger_start(struct ledger *ledger, struct entry *entry)
{
    assert(entry->state == ENTRY_WAITING);
    entry_move(ledger, entry, ENTRY_RUNNING);
}

void ledger_wait_again(struct ledger *ledger, struct entry *entry)
{
    assert(entry->state == ENTRY_RUNNING);
    entry_move(ledger, entry, ENTRY_WAITING);
}

void ledger_finish(struct ledger *ledger, struct entry *entry, char *result, size_t size, char *routing_key)
{
    assert(entry->state == ENTRY_WAITING || entry->state == ENTRY_RUNNING);
    entry->result = result;
    entry->result_size = size;
    entry->routing_key = routing_key;
    entry_move(ledger, entry, ENTRY_FINISHED);
}

struct entry *ledger_next_to_publish(struct ledger *ledger, int64_t now_ms)
{
    for (struct entry *entry = ledger->head; entry != NULL; entry = entry->next)
        if (entry->state == ENTRY_FINISHED || (entry->state == ENTRY_HELD && entry->retry_at_ms <= now_ms))
            return entry;
    return NULL;
}

void ledger_published(struct ledger *ledger, struct entry *entry, uint64_t sequence)
{
    assert(entry->state == ENTRY_FINISHED || entry->state == ENTRY_HELD);
    entry->sequence = sequence;
    entry->returned = false;
    entry_move(ledger, entry, ENTRY_PUBLISHED);
}

struct entry *ledger_returned(struct ledger *ledger, const void *body, size_t size)
{
    for (struct entry *entry = ledger->head; entry != NULL; entry = entry->next) {
        if (entry->state == ENTRY_PUBLISHED && !entry->returned && entry->result_size == size &&
            memcmp(entry->result, body, size) == 0) {
            entry->returned = true;
            return entry;
        }
    }
    return NULL;
}

static void release_held(struct ledger *ledger, int64_t now_ms)
{
    for (struct entry *entry = ledger->head; entry != NULL; entry = entry->next)
        if (entry->state == ENTRY_HELD && entry->retry_at_ms > now_ms)
            entry->retry_at_ms = now_ms;
}

/* Done, unless its delivery was lost with a connection: that will come again. */
static void close_entry(struct ledger *ledger, struct entry *entry, int64_t now_ms)
{
    bool lost = false;
    for (size_t i = 0; i < entry->claim_count; i++)
        lost = lost || entry->claims[i].tag == 0;
    if (!lost) {
        ledger_remove(ledger, entry);
        return;
    }
    drop_claims(entry);
    entry->owner = NULL;
    entry->backoff.attempts = 0;
    entry->retry_at_ms = now_ms + LEDGER_KEEP_MS;
    entry_move(ledger, entry, ENTRY_SETTLED);
}

size_t ledger_confirm(struct ledger *ledger, const struct ledger_verdict *verdict, ledger_settle_fn *settle,
                      void *context)
{
    size_t held = 0;
    bool taken_again = false;
    struct entry *next;
    for (struct entry *entry = ledger->head; entry != NULL; entry = next) {
        next = entry->next;
        bool meant =
            verdict->multiple ? entry->sequence <= verdict->sequence : entry->sequence == verdict->sequence;
        if (entry->state != ENTRY_PUBLISHED || !meant)
            continue;
        if (verdict->accepted && !entry->returned) {
            taken_again = taken_again || entry->backoff.attempts > 0;
            settle(context, entry);
            close_entry(ledger, entry, verdict->now_ms);
        } else {
            entry->retry_at_ms = verdict->now_ms + backoff_next(&entry->backoff, verdict->random);
            entry_move(ledger, entry, ENTRY_HELD);
            held++;
        }
    }
    if (taken_again && held == 0)
        release_held(ledger, verdict->now_ms);
    return held;
}

void ledger_lose_connection(struct ledger *ledger, ledger_settle_fn *forget, void *context)
{
    struct entry *next;
    for (struct entry *entry = ledger->head; entry != NULL; entry = next) {
        next = entry->next;
        if (entry->state == ENTRY_WAITING) {
            forget(context, entry);
            ledger_remove(ledger, entry);
            continue;
        }
        for (size_t i = 0; i < entry->claim_count; i++)
            entry->claims[i].tag = 0;
        if (entry->state == ENTRY_PUBLISHED)
            entry_move(ledger, entry, ENTRY_FINISHED);
    }
}

void ledger_remove(struct ledger *ledger, struct entry *entry)
{
    struct entry *before = NULL;
    struct entry **link = &ledger->head;
    while (*link != NULL && *link != entry) {
        before = *link;
        link = &before->next;
    }
    assert(*link == entry);
    *link = entry->next;
    if (ledger->tail == entry)
        ledger->tail = before;
    ledger->counts[entry->state]--;
    entry_free(entry);
}

struct entry *ledger_next(struct ledger *ledger, const struct entry *entry, enum entry_state state)
{
    struct entry *next = entry != NULL ? entry->next : ledger->head;
    while (next != NULL && next->state != state)
        next = next->next;
    return next;
}

size_t ledger_count(const struct ledger *ledger, enum entry_state state)
{
    return ledger->counts[state];
}

uint64_t ledger_oldest_unconfirmed(const struct ledger *ledger)
{
    uint64_t oldest = 0;
    for (const struct entry *entry = ledger->head; entry != NULL; entry = entry->next)
        if (entry->state == ENTRY_PUBLISHED && (oldest == 0 || entry->sequence < oldest))
            oldest = entry->sequence;
    return oldest;
}

size_t ledger_total(const struct ledger *ledger)
{
    size_t total = 0;
    for (int i = 0; i < ENTRY_STATES; i++)
        total += i == ENTRY_SETTLED ? 0 : ledger->counts[i];
    return total;
}

void ledger_expire(struct ledger *ledger, int64_t now_ms)
{
    struct entry *next;
    if (ledger->counts[ENTRY_SETTLED] == 0)
        return;
    for (struct entry *entry = ledger->head; entry != NULL; entry = next) {
        next = entry->next;
        if (entry->state == ENTRY_SETTLED && entry->retry_at_ms <= now_ms)
            ledger_remove(ledger, entry);
    }
}

size_t ledger_refused(const struct ledger *ledger)
{
    size_t count = 0;
    for (const struct entry *entry = ledger->head; entry != NULL; entry = entry->next)
        count += entry->backoff.attempts > 0;
    return count;
}

int64_t ledger_next_retry_ms(const struct ledger *ledger)
{
    int64_t first = -1;
    for (const struct entry *entry = ledger->head; entry != NULL; entry = entry->next)
        if (entry->state == ENTRY_HELD && (first < 0 || entry->retry_at_ms < first))
            first = entry->retry_at_ms;
    return first;
}

const char *entry_state_name(enum entry_state state)
{
    switch (state) {
    case ENTRY_WAITING:
        return "waiting";
    case ENTRY_RUNNING:
        return "running";
    case ENTRY_FINISHED:
        return "finished";
    case ENTRY_PUBLISHED:
        return "published";
    case ENTRY_HELD:
        return "held";
    case ENTRY_SETTLED:
        return "settled";
    case ENTRY_STATES:
        break;
    }
    return "unknown";
}
