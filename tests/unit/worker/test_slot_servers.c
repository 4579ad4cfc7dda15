/* A slot that waits for a warm server, against the real sandbox, with one of /bin/sh that does not get ready.
 */
#include "slot_fixture.h"

#include "worker/slot_internal.h"

/* Where there is no program it is the server: it ends before it serves, and the case starts cold. */
static char *case_words[] = {(char *)"/bin/sh", (char *)"-c",
                             (char *)"[ -e program.sh ] || exec sleep 2; . ./program.sh", NULL};
static char *environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"HOME=/work", NULL};

static struct runtime items[] = {{.name = (char *)"slow",
                                  .program_file = (char *)"program.sh",
                                  .run_case = {case_words, 3},
                                  .warm_case = true,
                                  .environment = environment,
                                  .maximum = {.disk_bytes = 64 * MB}}};
static struct runtimes runtimes = {items, 1};
static const char *no_arguments[] = {NULL};
static struct task_case cases[] = {{.name = "one", .args = no_arguments}};

static struct task case_task(void)
{
    struct task task = make_task(&items[0]);
    task.implementation_code = text_blob("true");
    task.cases = cases;
    task.case_count = 1;
    return task;
}

static void run_until_it_waits(struct fixture *fixture, const struct task *task)
{
    fixture->done = false;
    slot_run(fixture->slot, task);
    assert_int_equal(fixture->slot->state, SLOT_WARMING);
}

static struct slot *open_one(struct fixture *fixture, unsigned number)
{
    struct err err = ERR_INIT;
    struct slot_options options = {.number = number,
                                   .harness_dir = ASSAY_SOURCE_DIR "/worker/harness",
                                   .runtimes = &runtimes,
                                   .allow_missing = allow_missing,
                                   .warm = {.enabled = true, .park = true}};
    struct slot *slot = slot_open(fixture->loop, &options, on_done, fixture, &err);
    if (slot == NULL)
        fail_msg("%s", err.text);
    return slot;
}

/* The next task waits for the rest of it, and is not parked before. */
static void cancelled_while_it_waits(void **state)
{
    struct fixture *fixture = begin(state);
    struct slot *first = fixture->slot;
    struct task task = case_task();
    fixture->slot = open_one(fixture, 2);
    run_until_it_waits(fixture, &task);
    slot_cancel(fixture->slot);
    wait_done(fixture);
    assert_int_equal(fixture->end, SLOT_CANCELLED);
    slot_park(fixture->slot);
    assert_int_equal(fixture->slot->state, SLOT_IDLE);
    run_until_it_waits(fixture, &task);
    wait_done(fixture);
    assert_int_equal(fixture->end, SLOT_VERDICT);
    assert_int_equal(fixture->result->status, STATUS_PASS);
    result_free(fixture->result);
    slot_close(fixture->slot);
    fixture->slot = first;
}

static void closed_while_it_waits(void **state)
{
    struct fixture *fixture = begin(state);
    struct slot *first = fixture->slot;
    struct task task = case_task();
    size_t before = count_descriptors();
    fixture->slot = open_one(fixture, 2);
    run_until_it_waits(fixture, &task);
    slot_close(fixture->slot);
    assert_int_equal(count_descriptors(), before);
    fixture->slot = first;
}

static void a_sandbox_that_dies_meanwhile_is_an_infra_fault(void **state)
{
    struct fixture *fixture = begin(state);
    struct task task = case_task();
    run_until_it_waits(fixture, &task);
    assert_int_equal(kill(find_child(), SIGKILL), 0);
    wait_done(fixture);
    assert_int_equal(fixture->end, SLOT_INFRA);
    struct result *result = run(fixture, &task);
    assert_int_equal(result->status, STATUS_PASS);
    result_free(result);
}

static int set_up(void **state)
{
    int status = set_up_with(state, &runtimes, true);
    struct fixture *fixture = *state;
    if (status != 0 || fixture->slot == NULL)
        return status;
    slot_close(fixture->slot);
    fixture->slot = open_one(fixture, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sandbox_that_dies_meanwhile_is_an_infra_fault),
        cmocka_unit_test(cancelled_while_it_waits),
        cmocka_unit_test(closed_while_it_waits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
