/*
 * What workers tell the fleet (assay.events: hello, heartbeat, goodbye) and what they are told
 * (assay.control: cancelled jobs), over the connection of the deliveries.
 */
#ifndef ASSAY_WORKER_FLEET_H
#define ASSAY_WORKER_FLEET_H

#include <stdbool.h>

#include "common/broker.h"
#include "common/err.h"
#include "common/message/job.h"

#define FLEET_CONTROL_TAG "control"

/* Declares the worker's own exclusive control queue, binds it to assay.control and consumes it. */
bool fleet_listen(struct broker *broker, const char *worker, struct err *err);
/* Publishes the event under worker.<name>; `*sequence` is what its confirm will report. A hello is mandatory:
 * it is returned when no collector listens. */
bool fleet_tell(struct broker *broker, const struct worker_event *event, uint64_t *sequence, struct err *err);
/* Fills in what does not change: name, host, pid, version, start. */
void fleet_event_init(struct worker_event *event, const char *worker);

#endif
