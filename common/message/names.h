/*
 * The names on the wire: exchanges, queues, message types (docs/messages.md). One place, so that a name is
 * never spelt twice.
 */
#ifndef ASSAY_COMMON_MESSAGE_NAMES_H
#define ASSAY_COMMON_MESSAGE_NAMES_H

#include "common/buf.h"

#define EXCHANGE_TASKS   "assay.tasks"   /* direct; key = runtime, <runtime>.interactive, <runtime>.bulk */
#define EXCHANGE_RESULTS "assay.results" /* topic; key = <job_id>.<status>, <job_id>.job */
#define EXCHANGE_DEAD    "assay.dead"    /* direct; keys "tasks", "results" */
#define EXCHANGE_CONTROL "assay.control" /* fanout */
#define EXCHANGE_EVENTS  "assay.events"  /* topic; key = worker.<name> */

#define QUEUE_TASKS_PREFIX   "assay.tasks."
#define QUEUE_RESULTS        "assay.results"
#define QUEUE_DEAD_TASKS     "assay.dead.tasks"
#define QUEUE_DEAD_RESULTS   "assay.dead.results"
#define QUEUE_CONTROL_PREFIX "assay.control." /* + worker name: exclusive */
#define QUEUE_EVENTS_PREFIX  "assay.events."  /* + collector name: exclusive */
#define QUEUE_WAIT_PREFIX    "assay.wait." /* + random: a waiting publisher's durable queue with an expiry */
/* reply_to may name such a queue, amq.gen-*, or direct reply-to. */
#define QUEUE_REPLY_PREFIX "assay.reply."

#define DEAD_KEY_TASKS   "tasks"
#define DEAD_KEY_RESULTS "results"

#define TYPE_TASK    "assay.task.v1"
#define TYPE_RESULT  "assay.result.v1"
#define TYPE_JOB     "assay.job.v1"
#define TYPE_CONTROL "assay.control.v1"
#define TYPE_EVENT   "assay.event.v1"

#define CONTENT_TYPE_JSON "application/json"

/* Headers on a message in assay.dead.results: why PostgreSQL refused it. */
#define HEADER_DEAD_SQLSTATE "assay-sqlstate"
#define HEADER_DEAD_MESSAGE  "assay-message"

/* The largest message body that any program takes (64 MiB): a larger one is refused by name, not buffered. */
#define MESSAGE_SIZE_MAX ((size_t)64 * 1024 * 1024)

#endif
