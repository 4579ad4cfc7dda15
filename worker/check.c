#include "worker/check.h"

#include <inttypes.h>
#include <string.h>

static void print_row(FILE *out, const struct self_test *test)
{
    const struct result *result = test->result;
    char verdict[64];
    (void)snprintf(verdict, sizeof verdict, "%s/%s", status_name(result->status),
                   reason_name(result->reason));
    int64_t ms = result->setup_ms + result->compile_ms + result->run_ms;
    const char *detail = test->passed ? test->runtime->description : self_test_trouble(test);
    /* One line a runtime: an error text may hold a compiler's whole output. */
    int first_line = (int)strcspn(detail, "\n");
    (void)fprintf(out, "%-16s %-20s %6" PRId64 " ms  %.*s\n", test->runtime->name, verdict, ms, first_line,
                  detail);
}

void check_print(FILE *out, const struct self_tests *tests, const struct runner *runner)
{
    (void)fprintf(out, "%-16s %-20s %9s  %s\n", "RUNTIME", "SELF-TEST", "TIME", "DETAIL");
    for (size_t i = 0; i < tests->count; i++)
        print_row(out, &tests->items[i]);
    (void)fprintf(out, "\nSandbox mechanisms in force:\n");
    for (const char *const *mechanism = runner_mechanisms(runner); *mechanism != NULL; mechanism++)
        (void)fprintf(out, "  %s\n", *mechanism);
}
