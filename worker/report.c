#include "worker/report.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void report_init(struct report *report, const char *secret)
{
    *report = (struct report){.line = BUF_LIMIT(REPORT_LINE_MAX)};
    size_t size = strlen(secret);
    if (size >= sizeof(report->secret))
        size = sizeof(report->secret) - 1;
    memcpy(report->secret, secret, size);
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->planned_count; i++)
        free(report->planned[i].name);
    for (size_t i = 0; i < report->test_count; i++) {
        free(report->tests[i].name);
        free(report->tests[i].message);
    }
    free(report->planned);
    free(report->tests);
    free(report->tampered);
    free(report->harness_error);
    free(report->fault_message);
    free(report->running);
    free(report->again_message);
    for (size_t i = 0; i < report->failed_first_count; i++)
        free(report->failed_first[i]);
    free(report->failed_first);
    report_coverage_free(report->coverage);
    buf_free(&report->line);
    *report = (struct report){.line = BUF_INIT};
}

/* FNV-1a. */
static size_t bucket_of(const char *name, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash % REPORT_BUCKETS;
}

/* Doubles an array; false without memory. */
static bool grow(void **items, size_t *capacity, size_t count, size_t item_size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *bigger = reallocarray(*items, wanted, item_size);
    if (bigger == NULL)
        return false;
    *items = bigger;
    *capacity = wanted;
    return true;
}

static struct report_planned *find_planned(const struct report *report, const char *name, size_t size)
{
    for (size_t at = report->planned_buckets[bucket_of(name, size)]; at != 0;
         at = report->planned[at - 1].chain) {
        struct report_planned *planned = &report->planned[at - 1];
        if (strncmp(planned->name, name, size) == 0 && planned->name[size] == '\0')
            return planned;
    }
    return NULL;
}

static bool add_planned(struct report *report, char **name)
{
    size_t size = strlen(*name);
    if (find_planned(report, *name, size) != NULL)
        return true;
    void *items = report->planned;
    if (!grow(&items, &report->planned_capacity, report->planned_count, sizeof(*report->planned)))
        return false;
    report->planned = items;
    size_t *bucket = &report->planned_buckets[bucket_of(*name, size)];
    report->planned[report->planned_count] =
        (struct report_planned){.name = steal_ptr(*name), .chain = *bucket};
    *bucket = ++report->planned_count;
    return true;
}

void report_expect(struct report *report, const char *name)
{
    autofree char *copy = strdup(name);
    if (copy == NULL || !add_planned(report, &copy))
        report->no_memory = true;
}

/* "test_x[1-2]" meets the plan's "test_x" as well as the plan's "test_x[1-2]". */
static void meet_planned(struct report *report, const char *name)
{
    struct report_planned *planned = find_planned(report, name, strlen(name));
    if (planned == NULL) {
        const char *bracket = strchr(name, '[');
        if (bracket != NULL)
            planned = find_planned(report, name, (size_t)(bracket - name));
    }
    if (planned != NULL)
        planned->met = true;
}

/* Appends a test that has not reported yet; NULL without memory. */
static struct report_test *add_test(struct report *report, char **name)
{
    void *items = report->tests;
    if (!grow(&items, &report->test_capacity, report->test_count, sizeof(*report->tests)))
        return NULL;
    report->tests = items;
    size_t *bucket = &report->test_buckets[bucket_of(*name, strlen(*name))];
    struct report_test *test = &report->tests[report->test_count];
    *test = (struct report_test){.name = steal_ptr(*name), .outcome = OUTCOME_NOT_RUN, .chain = *bucket};
    *bucket = ++report->test_count;
    return test;
}

/* Takes a test that waits for its outcome out of the index, so that tests of one name (node allows them) find
 * one entry each and the chains stay short. */
static struct report_test *take_waiting(struct report *report, const char *name)
{
    size_t *link = &report->test_buckets[bucket_of(name, strlen(name))];
    while (*link != 0) {
        struct report_test *test = &report->tests[*link - 1];
        if (strcmp(test->name, name) == 0) {
            *link = test->chain;
            return test;
        }
        link = &test->chain;
    }
    return NULL;
}

static bool take_test(struct report *report, struct report_line *line)
{
    meet_planned(report, line->name);
    if (report->running != NULL && strcmp(report->running, line->name) == 0) {
        free(report->running);
        report->running = NULL;
    }
    struct report_test *test = take_waiting(report, line->name);
    if (test == NULL) {
        if (add_test(report, &line->name) == NULL)
            return false;
        test = take_waiting(report, report->tests[report->test_count - 1].name);
    }
    test->outcome = line->outcome;
    test->ms = line->ms;
    test->suite_skip = line->suite_skip;
    test->message = steal_ptr(line->message);
    return true;
}

static bool take_names(struct report *report, struct report_line *line)
{
    for (size_t i = 0; i < line->name_count; i++) {
        if (line->kind == REPORT_LINE_PLAN) {
            if (!add_planned(report, &line->names[i]))
                return false;
        } else {
            meet_planned(report, line->names[i]);
            if (add_test(report, &line->names[i]) == NULL)
                return false;
        }
    }
    return true;
}

/* The first text of its kind stands. */
static void keep_first(char **kept, char **text)
{
    if (*kept == NULL)
        *kept = steal_ptr(*text);
}

/* False without memory. */
static bool take_line(struct report *report, struct report_line *line)
{
    switch (line->kind) {
    case REPORT_LINE_PLAN:
    case REPORT_LINE_COLLECTED:
        return take_names(report, line);
    case REPORT_LINE_START:
        free(report->running);
        report->running = steal_ptr(line->name);
        break;
    case REPORT_LINE_TEST:
        return take_test(report, line);
    case REPORT_LINE_SUITE_ERROR:
        if (report->fault == FAULT_NONE) {
            report->fault = line->fault;
            keep_first(&report->fault_message, &line->message);
        }
        break;
    case REPORT_LINE_TAMPERED:
        keep_first(&report->tampered, &line->message);
        break;
    case REPORT_LINE_COVERAGE:
        report_coverage_free(report->coverage);
        report->coverage = report_coverage_keep(line->coverage);
        break;
    case REPORT_LINE_HARNESS_ERROR:
        if (report->lines > 1)
            report->forgery = "the report holds a harness_error behind other lines";
        keep_first(&report->harness_error, &line->message);
        break;
    case REPORT_LINE_AGAIN:
        report->again = true;
        keep_first(&report->again_message, &line->message);
        report->failed_first = steal_ptr(line->names);
        report->failed_first_count = line->name_count;
        line->name_count = 0;
        break;
    case REPORT_LINE_DONE:
        report->done = true;
        report->fast = line->fast;
        report->kept = line->kept;
        break;
    }
    return true;
}

static void end_line(struct report *report)
{
    struct report_line line;
    if (report->done || report->again) {
        report->forgery = "the report goes on behind its end";
    } else if (!report_line_parse(buf_text(&report->line), report->line.size, report->secret, &line)) {
        report->forgery = "the report holds a line that the harness did not write";
    } else {
        report->lines++;
        report->no_memory = !take_line(report, &line);
        report_line_free(&line);
    }
    buf_reset(&report->line);
}

bool report_feed(struct report *report, const char *data, size_t size)
{
    while (size > 0 && report->forgery == NULL && !report->no_memory) {
        const char *newline = memchr(data, '\n', size);
        size_t part = newline != NULL ? (size_t)(newline - data) : size;
        buf_append(&report->line, data, part);
        report->bytes += part;
        if (report->line.failed)
            report->forgery = "the report holds a line that is too long";
        else if (report->bytes > REPORT_BYTES_MAX)
            report->forgery = "the report is too long";
        else if (newline != NULL)
            end_line(report);
        if (newline != NULL)
            part++;
        data += part;
        size -= part;
    }
    return report->forgery == NULL && !report->no_memory;
}

void report_finish(struct report *report, bool by_itself)
{
    if (by_itself && report->line.size > 0 && report->forgery == NULL)
        report->forgery = "the report ends in half a line";
    for (size_t i = 0; i < report->planned_count; i++) {
        if (report->planned[i].met)
            continue;
        if (add_test(report, &report->planned[i].name) == NULL) {
            report->no_memory = true;
            return;
        }
        report->planned[i].name = NULL;
    }
}

bool report_asks_again(const struct report *report)
{
    return report->again && report->forgery == NULL && !report->no_memory && report->tampered == NULL &&
           report->harness_error == NULL && report->fault == FAULT_NONE;
}

/* A skip that the suite did not write is judged as a failure already. */
static bool has_passed(const struct report_test *test)
{
    return test->outcome == OUTCOME_PASSED || test->outcome == OUTCOME_XFAILED ||
           test->outcome == OUTCOME_XPASSED || (test->outcome == OUTCOME_SKIPPED && test->suite_skip);
}

void report_failed_before(struct report *report, char *const *names, size_t count)
{
    static const char flaky[] =
        "flaky: it failed when the suite was first run, and did not when it was run again";
    for (size_t i = 0; i < count && report->tampered == NULL; i++) {
        struct report_test *test = NULL;
        for (size_t k = 0; k < report->test_count && test == NULL; k++)
            if (strcmp(report->tests[k].name, names[i]) == 0)
                test = &report->tests[k];
        if (test == NULL) {
            autofree char *name = strdup(names[i]);
            test = name != NULL ? add_test(report, &name) : NULL;
        } else if (!has_passed(test)) {
            continue;
        }
        if (test == NULL) {
            report->no_memory = true;
            return;
        }
        free(test->message);
        test->message = strdup(flaky);
        test->outcome = OUTCOME_FAILED;
        test->suite_skip = false;
    }
}

const struct report_test *report_missing(const struct report *report)
{
    for (size_t i = 0; i < report->test_count; i++)
        if (report->tests[i].outcome == OUTCOME_NOT_RUN)
            return &report->tests[i];
    return NULL;
}

const char *report_interrupted(const struct report *report)
{
    const struct report_test *missing = report_missing(report);
    if (report->running != NULL)
        return report->running;
    return missing != NULL ? missing->name : NULL;
}
