/* A delivery that the collector holds: a copy of its message, and the tag that will acknowledge it. */
#ifndef ASSAY_COLLECTOR_ITEM_H
#define ASSAY_COLLECTOR_ITEM_H

#include "collector/row.h"
#include "common/broker.h"
#include "common/pg.h"

enum item_kind {
    ITEM_RESULT,      /* assay.results */
    ITEM_JOB,         /* assay.results: a publisher announces a job */
    ITEM_DEAD_TASK,   /* assay.dead.tasks */
    ITEM_DEAD_RESULT, /* assay.dead.results */
};

/* All items that live, so that the end of the program can free those that wait for an answer. */
struct item_list {
    struct item *first;
    size_t bytes; /* what they take in memory, about */
};

struct item {
    enum item_kind kind;
    unsigned channel;                /* of acks.h */
    struct broker_delivery delivery; /* strings and body are the item's own */
    char job_id[TEXT_ID_MAX + 1];
    char task_id[TEXT_ID_MAX + 1];
    struct row *row; /* the verdict to store; NULL until there is one */
    char *verdict;   /* ITEM_DEAD_TASK: the verdict as a message, for those who wait; NULL until it is made */
    char *verdict_key; /* its routing key */
    /* Why it goes to the dead results, once it does. */
    char *refusal_message;
    char refusal_sqlstate[PG_SQLSTATE_SIZE];
    struct broker_header refusal_headers[3];
    void *owner;       /* of the callback that it waits for */
    struct item *next; /* in the queue of whoever holds it */
    struct item_list *list;
    struct item *list_next, *list_previous;
    void *memory;
    size_t counted; /* of the list's bytes */
};

struct item *item_new(struct item_list *list, enum item_kind kind, unsigned channel,
                      const struct broker_delivery *delivery);
void item_free(struct item *item); /* NULL is fine */
/* Counts its row and verdict, which it got since, into the list's bytes. */
void item_recount(struct item *item);
/* About what it takes in memory. */
size_t item_bytes(const struct item *item);
/* The text of a header, NULL when it is not there. */
const char *item_header(const struct item *item, const char *name);

#endif
