/*
 * The event loop: epoll, timers on the monotonic clock, signals as events. One a program, single-threaded.
 * Callbacks may add, change and remove any watch or timer, their own included.
 */
#ifndef ASSAY_COMMON_LOOP_H
#define ASSAY_COMMON_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct loop;
struct loop_watch;
struct loop_timer;

/* `events` are epoll's: EPOLLIN, EPOLLOUT, ...; level-triggered. */
typedef void loop_fd_fn(void *context, int fd, uint32_t events);
typedef void loop_timer_fn(void *context);
typedef void loop_signal_fn(void *context, int signal_number);

struct loop *loop_open(struct err *err);
void loop_close(struct loop *loop); /* frees all watches and timers; closes none of the watched descriptors */

struct loop_watch *loop_watch_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *callback,
                                 void *context, struct err *err);
bool loop_watch_change(struct loop_watch *watch, uint32_t events, struct err *err);
void loop_watch_remove(struct loop_watch *watch); /* before the descriptor is closed; NULL is fine */

/* A timer fires once at its deadline and is then idle; set it again to repeat. Created idle. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *callback, void *context);
void loop_timer_set(struct loop_timer *timer, int64_t deadline_ms); /* clock_ms() scale */
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* Blocks the signals in this thread and delivers them through the loop (signalfd). One loop a program; a
 * second call hands the signals on to another callback, those that wait included. Children must unblock:
 * loop_reset_signals in the child before exec. */
bool loop_watch_signals(struct loop *loop, const int *signals, int count, loop_signal_fn *callback,
                        void *context, struct err *err);
/* Readable while a signal waits to be delivered; -1: none are watched. */
int loop_signal_fd(const struct loop *loop);
void loop_reset_signals(void);

/* Called once before each wait: work that must happen after every round of events (flush, dispatch). One a
 * loop; may be NULL. */
void loop_set_prepare(struct loop *loop, loop_timer_fn *callback, void *context);

bool loop_run(struct loop *loop, struct err *err); /* until loop_stop */
/* One round: waits at most `timeout_ms` (-1: until something happens) and runs what is due. */
bool loop_step(struct loop *loop, int timeout_ms, struct err *err);
void loop_stop(struct loop *loop);

#endif
