#include "common/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

/*
 * A callback may remove any watch or timer, also one whose event is waiting in the same round. Removed
 * watches are therefore only marked (fn NULL) and freed between rounds.
 */
struct loop_watch {
    struct loop *loop;
    int fd;
    loop_fd_fn *callback; /* NULL: removed */
    void *context;
    struct loop_watch *next;
};

struct loop_timer {
    struct loop *loop;
    loop_timer_fn *callback;
    void *context;
    int64_t deadline_ms;
    uint64_t
        round; /* the round in which it was set: a timer that sets itself to "now" waits for the next one */
    bool armed;
    struct loop_timer *next, *previous;
};

#define EVENTS_A_ROUND 64

struct loop {
    int epoll_fd;
    int signal_fd;
    struct loop_watch *watches;
    bool has_removed;
    struct loop_timer *timers; /* a program has some tens: a list is as fast as a heap and simpler */
    uint64_t round;
    loop_signal_fn *on_signal;
    void *signal_context;
    loop_timer_fn *prepare;
    void *prepare_context;
    unsigned depth; /* of nested steps: a callback may run one; watches are freed by the outermost */
    bool stopped;
};

struct loop *loop_open(struct err *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        err_set(err, ERR_NO_MEMORY, "open the event loop: out of memory");
        return NULL;
    }
    loop->signal_fd = -1;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        err_set_errno(err, ERR_IO, "open the event loop: epoll_create1");
        free(loop);
        return NULL;
    }
    return loop;
}

static void free_watches(struct loop *loop, bool all)
{
    struct loop_watch **link = &loop->watches;
    while (*link != NULL) {
        struct loop_watch *watch = *link;
        if (all || watch->callback == NULL) {
            *link = watch->next;
            free(watch);
        } else {
            link = &watch->next;
        }
    }
    loop->has_removed = false;
}

void loop_close(struct loop *loop)
{
    if (loop == NULL)
        return;
    free_watches(loop, true);
    while (loop->timers != NULL)
        loop_timer_free(loop->timers);
    close_fd(&loop->signal_fd);
    close_fd(&loop->epoll_fd);
    free(loop);
}

struct loop_watch *loop_watch_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *callback,
                                 void *context, struct err *err)
{
    struct loop_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        err_set(err, ERR_NO_MEMORY, "watch descriptor %d: out of memory", fd);
        return NULL;
    }
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        err_set_errno(err, ERR_IO, "watch descriptor %d", fd);
        free(watch);
        return NULL;
    }
    *watch = (struct loop_watch){loop, fd, callback, context, loop->watches};
    loop->watches = watch;
    return watch;
}

bool loop_watch_change(struct loop_watch *watch, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) != 0)
        return err_set_errno(err, ERR_IO, "change the watch of descriptor %d", watch->fd);
    return true;
}

void loop_watch_remove(struct loop_watch *watch)
{
    if (watch == NULL || watch->callback == NULL)
        return;
    (void)epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->callback = NULL;
    watch->loop->has_removed = true;
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *callback, void *context)
{
    struct loop_timer *timer = calloc(1, sizeof(*timer));
    if (timer == NULL)
        return NULL;
    timer->loop = loop;
    timer->callback = callback;
    timer->context = context;
    timer->next = loop->timers;
    if (timer->next != NULL)
        timer->next->previous = timer;
    loop->timers = timer;
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t deadline_ms)
{
    timer->deadline_ms = deadline_ms;
    timer->round = timer->loop->round;
    timer->armed = true;
}

void loop_timer_stop(struct loop_timer *timer)
{
    timer->armed = false;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL)
        return;
    if (timer->previous != NULL)
        timer->previous->next = timer->next;
    else
        timer->loop->timers = timer->next;
    if (timer->next != NULL)
        timer->next->previous = timer->previous;
    free(timer);
}

static void take_signals(void *context, int fd, uint32_t events)
{
    (void)events;
    struct loop *loop = context;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        loop->on_signal(loop->signal_context, (int)info.ssi_signo);
}

bool loop_watch_signals(struct loop *loop, const int *signals, int count, loop_signal_fn *callback,
                        void *context, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_set_errno(err, ERR_INTERNAL, "block signals");
    bool watched = loop->signal_fd >= 0;
    int fd = signalfd(loop->signal_fd, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set_errno(err, ERR_IO, "watch signals: signalfd");
    loop->signal_fd = fd;
    loop->on_signal = callback;
    loop->signal_context = context;
    if (!watched && loop_watch_fd(loop, loop->signal_fd, EPOLLIN, take_signals, loop, err) == NULL) {
        close_fd(&loop->signal_fd);
        return false;
    }
    return true;
}

int loop_signal_fd(const struct loop *loop)
{
    return loop->signal_fd;
}

void loop_reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void loop_set_prepare(struct loop *loop, loop_timer_fn *callback, void *context)
{
    loop->prepare = callback;
    loop->prepare_context = context;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

static struct loop_timer *earliest(const struct loop *loop)
{
    struct loop_timer *first = NULL;
    for (struct loop_timer *timer = loop->timers; timer != NULL; timer = timer->next) {
        if (timer->armed && (first == NULL || timer->deadline_ms < first->deadline_ms))
            first = timer;
    }
    return first;
}

/* Runs the timers that were due when the round began, in the order of their deadlines. Those set meanwhile
 * wait for the next round, so that a timer cannot starve the descriptors. */
static void run_timers(struct loop *loop)
{
    int64_t now = clock_ms();
    uint64_t round = loop->round++;
    for (;;) {
        struct loop_timer *due = NULL;
        for (struct loop_timer *timer = loop->timers; timer != NULL; timer = timer->next) {
            if (timer->armed && timer->round <= round && timer->deadline_ms <= now &&
                (due == NULL || timer->deadline_ms < due->deadline_ms))
                due = timer;
        }
        if (due == NULL)
            return;
        due->armed = false;
        due->callback(due->context);
    }
}

static int wait_ms(const struct loop *loop, int timeout_ms)
{
    const struct loop_timer *first = earliest(loop);
    if (first == NULL)
        return timeout_ms;
    int64_t left = first->deadline_ms - clock_ms();
    if (left < 0)
        left = 0;
    if (timeout_ms >= 0 && left > timeout_ms)
        return timeout_ms;
    return left > 3600000 ? 3600000 : (int)left;
}

bool loop_step(struct loop *loop, int timeout_ms, struct err *err)
{
    if (loop->prepare != NULL)
        loop->prepare(loop->prepare_context);
    if (loop->stopped)
        return true;
    struct epoll_event events[EVENTS_A_ROUND];
    loop->depth++;
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_A_ROUND, wait_ms(loop, timeout_ms));
    if (count < 0 && errno != EINTR) {
        loop->depth--;
        return err_set_errno(err, ERR_IO, "wait for events: epoll_wait");
    }
    for (int i = 0; i < count; i++) {
        struct loop_watch *watch = events[i].data.ptr;
        if (watch->callback != NULL)
            watch->callback(watch->context, watch->fd, events[i].events);
    }
    run_timers(loop);
    if (--loop->depth == 0 && loop->has_removed)
        free_watches(loop, false);
    return true;
}

bool loop_run(struct loop *loop, struct err *err)
{
    while (!loop->stopped) { /* a stop that came before is honoured too */
        if (!loop_step(loop, -1, err))
            return false;
    }
    loop->stopped = false;
    return true;
}
