/* What service.c (the connections and the loop) and intake.c (the way of a delivery) share. */
#ifndef ASSAY_COLLECTOR_SERVICE_PARTS_H
#define ASSAY_COLLECTOR_SERVICE_PARTS_H

#include "collector/config.h"
#include "collector/dead.h"
#include "collector/fleet.h"
#include "collector/jobs.h"
#include "collector/retention.h"
#include "collector/store.h"
#include "common/acks.h"
#include "common/broker_link.h"
#include "common/http_server.h"

/* Consumer tags of our own making say from which queue a delivery comes. */
#define TAG_RESULTS      "results"
#define TAG_DEAD_TASKS   "dead-tasks"
#define TAG_DEAD_RESULTS "dead-results"
#define TAG_EVENTS       "events"
#define TAG_CONTROL      "control"

struct service {
    const struct collector_config *config;
    struct loop *loop;
    struct loop_timer *wake;  /* the earliest deadline of the parts */
    struct loop_timer *drain; /* the end of patience after SIGTERM */
    struct broker_link *link;
    struct database *database;
    struct replies *replies;
    struct http_server *http;
    struct acks acks;
    struct item_list items;      /* results and announced jobs */
    struct item_list dead_items; /* apart: the dead may wait for room that only taken results make */
    struct store *store;
    struct outbox *outbox;
    struct dead *dead;
    struct jobs *jobs;
    struct fleet *fleet;
    struct retention *retention;
    struct stats stats;
    bool draining;
    bool held_back, dead_held_back; /* not consumed: too many bytes are held */
};

/* Takes a delivery of any of the queues. */
void intake_take(struct service *service, const struct broker_delivery *delivery);
/* How the parts hand an item on; `context` is the service. */
void intake_finish(void *context, struct item *item, bool acknowledge);
void intake_store(void *context, struct item *item);
void intake_refuse(void *context, struct item *item, const char *sqlstate, const char *message);
/* The store's callbacks. */
void intake_stored(void *context, struct item *item);
void intake_refused(void *context, struct item *item, const struct database_refusal *refusal);

#endif
