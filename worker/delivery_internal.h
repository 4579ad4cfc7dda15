/* Inside the delivery: shared by delivery.c (the connection), delivery_tasks.c (what comes in) and
 * delivery_results.c (what goes out), and by nothing else. */
#ifndef ASSAY_WORKER_DELIVERY_INTERNAL_H
#define ASSAY_WORKER_DELIVERY_INTERNAL_H

#include "common/acks.h"
#include "common/broker_link.h"
#include "common/log.h"
#include "common/replies.h"
#include "worker/cancels.h"
#include "worker/delivery.h"
#include "worker/fleet.h"
#include "worker/intake.h"
#include "worker/lanes.h"
#include "worker/ledger.h"
#include "worker/work.h"

struct delivery {
    struct delivery_options options;
    struct broker_link *link;
    struct replies *replies;
    struct ledger *ledger;
    struct acks acks; /* of the tasks' deliveries */
    /* When what is held leaves at the latest (clock_ms scale); 0: nothing is held. */
    int64_t results_due_ms, acks_due_ms;
    struct lanes lanes;
    struct intake intake;
    struct cancels cancels;
    struct stats stats;
    struct worker_event event;
    uint64_t event_sequence; /* of the event that is not confirmed; 0 = none */
    bool blocked;            /* by connection.blocked: publish nothing */
    bool draining;
    bool corked; /* results and acknowledgements of this round leave together, at the end of the step */
    /* Until the collector has told which jobs are cancelled no task is taken, but no longer than this
     * (clock_ms scale); 0: it has, or there is none. */
    int64_t orders_due_ms;
    size_t suspects; /* at hand and without a verdict: delivery_suspects.c */
};

/* What an entry of the ledger owns: its task, and the work that the runner knows it by. */
struct assignment {
    struct delivery *delivery;
    struct entry *entry;
    struct task *task; /* NULL: the body was no task */
    struct work work;
    int64_t published_at_ms; /* Unix epoch; when it was received, where the publisher did not say */
    int64_t earlier_deliveries;
    int64_t started_ms; /* clock_ms scale */
    bool suspect;       /* one of delivery->suspects */
    bool released;      /* a suspect whose turn has come */
};

/* delivery_tasks.c: handlers of the connection (broker.h), and the way back to the queue. */
void delivery_on_message(void *context, const struct broker_delivery *incoming);
/* What waits goes back to its queue; what was returned too often already stays, unless the worker drains. */
void delivery_give_back(struct delivery *delivery, struct broker *broker);
/* The ledger forgets an entry that waited: its connection is gone. */
void delivery_forget(void *context, struct entry *entry);

/* Runs the assignment's task, unless it is cancelled or expired. */
void delivery_run(struct assignment *assignment);

/* delivery_suspects.c */
/* True when the task has to wait for delivery_release_suspect instead of running now. */
bool delivery_suspect(struct assignment *assignment);
/* It has a verdict, or is given back. */
void delivery_forget_suspect(struct assignment *assignment);
/* Lets one suspect run when nothing else is at hand. */
void delivery_release_suspect(struct delivery *delivery);

/* delivery_bursts.c */
/* The result of this entry is to be published. */
void delivery_hold_result(struct delivery *delivery, const struct entry *entry);
/* Publishes the results that are held, if it is time. When to call again; -1: not because of time. */
int64_t delivery_publish(struct delivery *delivery, int64_t now_ms);
/* The task of this delivery is settled. */
void delivery_hold_ack(struct delivery *delivery, uint64_t tag);
/* The same for acknowledgements. */
int64_t delivery_acknowledge(struct delivery *delivery, int64_t now_ms);

/* delivery_results.c */
/* The assignment's verdict: its result waits to be published from now on. Takes `result`. */
void delivery_finish(struct assignment *assignment, struct result *result);
/* All that are to be published now. */
void delivery_publish_results(struct delivery *delivery, int64_t now_ms);
void delivery_on_confirm(void *context, uint64_t sequence, bool multiple, bool accepted);
void delivery_on_return(void *context, const struct broker_message *message, int code, const char *text);

/* Before a small message goes out; undone before any call that waits, and at the end of the step. */
void delivery_cork(struct delivery *delivery, struct broker *broker);
void delivery_uncork(struct delivery *delivery);

void assignment_free(struct assignment *assignment); /* NULL is fine */
struct log_context delivery_log_context(const struct entry *entry);

#endif
