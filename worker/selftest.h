/*
 * The self-tests at start: each runtime's own small task must pass in a slot before the runtime is
 * advertised.
 */
#ifndef ASSAY_WORKER_SELFTEST_H
#define ASSAY_WORKER_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/message/result.h"
#include "worker/runner.h"

struct self_test {
    const struct runtime *runtime;
    struct task *task;     /* NULL: the stanza's self_test is no task */
    struct result *result; /* never NULL after self_tests_run that was not stopped */
    struct work work;
    bool passed;
};

struct self_tests {
    struct self_test *items;
    size_t count;
    size_t passed;
    size_t pending;
};

/*
 * Tests the runtimes that `wanted` names (all when it is empty), several at a time as there are slots, and
 * waits for the last. A name that is no runtime is ERR_CONFIG; a test that fails is no error of this
 * function. The caller frees `tests` (self_tests_free) in any case.
 *
 * `stop` (may be NULL) is looked at after each round of events: once a callback of the loop has set it, what
 * runs is left running and the function returns true. The runner is then closed before `tests` is freed.
 */
bool self_tests_run(struct self_tests *tests, struct loop *loop, struct runner *runner,
                    const struct runtimes *runtimes, const struct config_list *wanted, const bool *stop,
                    struct err *err);
/*
 * Tests those again that ended as a timeout, which may say more about the machine at this moment than about
 * the runtime: after pauses that grow, a minute in all. `stop` as above, not NULL.
 */
bool self_tests_repeat(struct self_tests *tests, struct loop *loop, struct runner *runner, const bool *stop,
                       struct err *err);
void self_tests_free(struct self_tests *tests);
/* What went wrong, in one line; "" when it passed. */
const char *self_test_trouble(const struct self_test *test);

#endif
