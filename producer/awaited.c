#include "producer/awaited.h"

#include <stdlib.h>

#include "producer/idset.h"

enum state { STATE_SETTLED, STATE_AWAITED };

struct awaited {
    struct idset *tasks; /* value: enum state */
    int64_t count;
};

struct awaited *awaited_new(void)
{
    struct awaited *awaited = calloc(1, sizeof *awaited);
    if (awaited != NULL && (awaited->tasks = idset_new()) == NULL) {
        free(awaited);
        return NULL;
    }
    return awaited;
}

void awaited_free(struct awaited *awaited)
{
    if (awaited == NULL)
        return;
    idset_free(awaited->tasks);
    free(awaited);
}

bool awaited_expect(struct awaited *awaited, const char *job_id, const char *task_id, struct err *err)
{
    uint64_t *state = NULL;
    enum idset_added added = idset_add(awaited->tasks, job_id, task_id, STATE_AWAITED, &state);
    if (added == IDSET_NO_MEMORY)
        return err_set(err, ERR_NO_MEMORY, "no memory for the set of awaited tasks");
    if (added == IDSET_PRESENT && *state == STATE_AWAITED)
        return true;
    *state = STATE_AWAITED;
    awaited->count++;
    return true;
}

bool awaited_settle(struct awaited *awaited, const char *job_id, const char *task_id)
{
    uint64_t *state = awaited != NULL ? idset_find(awaited->tasks, job_id, task_id) : NULL;
    if (state == NULL || *state == STATE_SETTLED)
        return false;
    *state = STATE_SETTLED;
    awaited->count--;
    return true;
}

int64_t awaited_count(const struct awaited *awaited)
{
    return awaited != NULL ? awaited->count : 0;
}
