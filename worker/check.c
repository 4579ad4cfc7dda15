#include "worker/check.h"

#include <inttypes.h>
#include <string.h>

enum probe_verdict check_probe(const struct check *check, size_t probe)
{
    return probe_judge(check->findings, probe, check->mechanisms);
}

bool check_passed(const struct check *check)
{
    for (size_t i = 0; i < PROBE_COUNT; i++)
        if (check_probe(check, i) == VERDICT_BROKEN)
            return false;
    return check->tests->passed == check->tests->count;
}

static void print_layer(const struct check *check, enum sandbox_layer layer, FILE *out)
{
    struct layer_verdict verdict;
    char text[64];
    probe_judge_layer(check->findings, layer, check->mechanisms, &verdict);
    (void)snprintf(text, sizeof text, "%s %zu/%zu", verdict.broken == 0 ? "held" : "BROKEN", verdict.held,
                   verdict.tried);
    (void)fprintf(out, "%-16s %-20s", sandbox_layer_name(layer), text);
    const char *before = " ";
    for (const char *const *name = check->mechanisms; *name != NULL; name++) {
        if (!mechanism_name_is_of(*name, layer))
            continue;
        (void)fprintf(out, "%s%s", before, *name);
        before = ", ";
    }
    (void)fputc('\n', out);
}

/* What did not hold, and what the operator does without. */
static void print_probe(const struct check *check, size_t probe, FILE *out)
{
    const struct probe_finding *finding = &check->findings->items[probe];
    enum probe_verdict verdict = check_probe(check, probe);
    if (verdict != VERDICT_BROKEN && verdict != VERDICT_MISSING)
        return;
    (void)fprintf(out, "  %-8s %s: %s (slot %u: %s)\n", probe_verdict_name(verdict), probes[probe].name,
                  probes[probe].attempt, finding->slot, finding->detail);
}

const char *check_detail(const struct self_test *test)
{
    return test->passed ? test->runtime->description : self_test_trouble(test);
}

int64_t check_duration_ms(const struct result *result)
{
    return result->setup_ms + result->compile_ms + result->run_ms;
}

static void print_runtime(const struct self_test *test, FILE *out)
{
    const struct result *result = test->result;
    char verdict[64];
    (void)snprintf(verdict, sizeof verdict, "%s/%s", status_name(result->status),
                   reason_name(result->reason));
    const char *detail = check_detail(test);
    /* One line a runtime: an error text may hold a compiler's whole output. */
    int first_line = (int)strcspn(detail, "\n");
    (void)fprintf(out, "%-16s %-20s %6" PRId64 " ms  %.*s\n", test->runtime->name, verdict,
                  check_duration_ms(result), first_line, detail);
}

static void print_warm_servers(const struct check *check, FILE *out)
{
    const struct slot_servers *servers = runner_warm_servers(check->runner);
    if (servers->count > 0)
        (void)fprintf(out, "\n%-16s %-20s %9s  %6s  %s\n", "WARM SERVER", "STATE", "TIME", "MEMORY",
                      "DETAIL");
    for (unsigned number = 1; number <= servers->count; number++) {
        const struct sandbox_server_state *state = runner_warm_state(check->runner, number);
        if (state != NULL)
            (void)fprintf(out, "%-9s %-6s %-20s %6" PRId64 " ms  %3" PRId64 " MB  %s\n",
                          servers->runtimes[number - 1]->name, slot_servers_steps(servers, number),
                          state->serves ? "serves" : "starts cold", state->start_ms,
                          state->memory_bytes >> 20, state->text);
    }
}

void check_print_text(const struct check *check, FILE *out)
{
    (void)fprintf(out, "%-16s %-20s %s\n", "LAYER", "PROBES", "MECHANISMS");
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        print_layer(check, (enum sandbox_layer)layer, out);
        for (size_t i = 0; i < PROBE_COUNT; i++)
            if (probes[i].layer == (enum sandbox_layer)layer)
                print_probe(check, i, out);
    }
    (void)fprintf(out, "\n%-16s %-20s %9s  %s\n", "RUNTIME", "SELF-TEST", "TIME", "DETAIL");
    for (size_t i = 0; i < check->tests->count; i++)
        print_runtime(&check->tests->items[i], out);
    print_warm_servers(check, out);
}
