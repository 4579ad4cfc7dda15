/* worker/probes.h and the layers of worker/sandbox/mechanisms.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/probes.h"
#include "worker/sandbox/sandbox.h"

static const char *const nothing_missing[] = {"seccomp", "cgroup_v1_memory", "cgroup_v1_cpu", NULL};
static const char *const memory_missing[] = {"seccomp", "missing:cgroup_memory", "cgroup_v1_cpu", NULL};

static void read_all(struct probe_findings *findings, const char *text)
{
    char bad[100] = "";
    assert_true(probe_read_report(findings, 1, text, strlen(text), bad, sizeof bad));
    assert_string_equal(bad, "");
}

static struct probe_findings all_held(void)
{
    struct probe_findings findings = {.items = {{.slot = 0}}};
    for (size_t i = 0; i < PROBE_COUNT; i++)
        probe_note(&findings, i, 1, PROBE_HELD, "EPERM");
    return findings;
}

static void test_the_table_is_whole(void **state)
{
    (void)state;
    size_t of_layer[LAYER_COUNT] = {0};
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        assert_non_null(probes[i].name);
        assert_non_null(probes[i].attempt);
        assert_int_equal(probe_find(probes[i].name), i); /* no name twice */
        of_layer[probes[i].layer]++;
        /* What a probe may lack can be named in sandbox.allow_missing; or it is the one that the container
         * setting never has. */
        if (probes[i].mechanism != NULL && strcmp(probes[i].mechanism, "task_disk") != 0)
            assert_true(mechanism_named(sandbox_optional, probes[i].mechanism));
    }
    for (size_t layer = 0; layer < LAYER_COUNT; layer++)
        assert_true(of_layer[layer] >= 5);
    assert_int_equal(probe_find("no_such_probe"), PROBE_COUNT);
}

static void test_reports_are_read(void **state)
{
    (void)state;
    struct probe_findings findings = {.items = {{.slot = 0}}};
    read_all(&findings, "bpf held EPERM\nread_shadow broken /etc/shadow can be read\n");
    assert_int_equal(findings.items[probe_find("bpf")].state, PROBE_HELD);
    assert_string_equal(findings.items[probe_find("bpf")].detail, "EPERM");
    assert_int_equal(findings.items[probe_find("read_shadow")].state, PROBE_BROKEN);
    assert_string_equal(findings.items[probe_find("read_shadow")].detail, "/etc/shadow can be read");
    assert_int_equal(findings.items[probe_find("mount")].state, PROBE_SILENT);
}

static void test_the_worst_stays(void **state)
{
    (void)state;
    struct probe_findings findings = {.items = {{.slot = 0}}};
    read_all(&findings, "write_outside held EROFS\nwrite_outside broken /etc\nwrite_outside held EACCES\n"
                        "write_outside broken /usr\n");
    const struct probe_finding *finding = &findings.items[probe_find("write_outside")];
    assert_int_equal(finding->state, PROBE_BROKEN);
    assert_string_equal(finding->detail, "/etc");
    probe_note(&findings, probe_find("write_outside"), 2, PROBE_HELD, "EROFS");
    assert_int_equal(finding->state, PROBE_BROKEN);
    assert_int_equal(finding->slot, 1);
}

static void test_what_is_no_report_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "bpf",           "bpf held",       "bpf held ", "bpf fine EPERM",      "nonsense held EPERM",
        " held EPERM",   "BPF held EPERM", "\n",        "bpf held EPERM\nbpf", "bpf  held EPERM",
        "bpfheld EPERM", "bpf\theld EPERM"};
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct probe_findings findings = {.items = {{.slot = 0}}};
        char bad[100] = "x";
        if (probe_read_report(&findings, 1, lines[i], strlen(lines[i]), bad, sizeof bad))
            fail_msg("taken: %s", lines[i]);
        assert_string_not_equal(bad, "x");
    }
    struct probe_findings findings = {.items = {{.slot = 0}}};
    char bad[100];
    assert_false(probe_read_report(&findings, 1, "bpf held\0EPERM", 14, bad, sizeof bad));
    char endless[4096];
    memset(endless, 'a', sizeof endless);
    assert_false(probe_read_report(&findings, 1, endless, sizeof endless, bad, sizeof bad));
    assert_true(strlen(bad) < sizeof bad);
    assert_true(probe_read_report(&findings, 1, "", 0, bad, sizeof bad));
}

static void test_a_layer_holds_when_all_its_probes_do(void **state)
{
    (void)state;
    struct probe_findings findings = all_held();
    struct layer_verdict verdict;
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        probe_judge_layer(&findings, (enum sandbox_layer)layer, nothing_missing, &verdict);
        assert_int_equal(verdict.held, verdict.tried);
        assert_int_equal(verdict.broken, 0);
        assert_int_equal(verdict.first_broken, PROBE_COUNT);
    }
    probe_note(&findings, probe_find("tcp_connect"), 3, PROBE_BROKEN, "reached");
    probe_judge_layer(&findings, LAYER_NETWORK, nothing_missing, &verdict);
    assert_int_equal(verdict.broken, 1);
    assert_int_equal(verdict.held, verdict.tried - 1);
    assert_int_equal(verdict.first_broken, probe_find("tcp_connect"));
    probe_judge_layer(&findings, LAYER_PRIVILEGE, nothing_missing, &verdict);
    assert_int_equal(verdict.broken, 0);
}

static void test_silence_is_broken(void **state)
{
    (void)state;
    struct probe_findings findings = {.items = {{.slot = 0}}};
    struct layer_verdict verdict;
    for (size_t i = 0; i < PROBE_COUNT; i++)
        assert_int_equal(probe_judge(&findings, i, nothing_missing), VERDICT_BROKEN);
    probe_judge_layer(&findings, LAYER_FILESYSTEM, nothing_missing, &verdict);
    assert_int_equal(verdict.broken, verdict.tried);
}

static void test_only_what_is_missing_is_excused(void **state)
{
    (void)state;
    struct probe_findings findings = all_held();
    size_t task_memory = probe_find("task_memory"), cpu = probe_find("cpu_time"), bpf = probe_find("bpf");
    probe_note(&findings, task_memory, 1, PROBE_BROKEN, "not tried");
    probe_note(&findings, cpu, 1, PROBE_BROKEN, "2 s");
    probe_note(&findings, bpf, 1, PROBE_BROKEN, "let in");
    assert_int_equal(probe_judge(&findings, task_memory, nothing_missing), VERDICT_BROKEN);
    assert_int_equal(probe_judge(&findings, task_memory, memory_missing), VERDICT_MISSING);
    assert_int_equal(probe_judge(&findings, cpu, memory_missing), VERDICT_BROKEN);
    assert_int_equal(probe_judge(&findings, bpf, memory_missing), VERDICT_BROKEN);
    struct layer_verdict verdict;
    probe_judge_layer(&findings, LAYER_RESOURCE, memory_missing, &verdict);
    assert_int_equal(verdict.missing, 1);
    assert_int_equal(verdict.broken, 1);
    assert_int_equal(verdict.tried, verdict.held + verdict.broken + verdict.missing);
}

static void test_absent_counts_as_neither(void **state)
{
    (void)state;
    struct probe_findings findings = all_held();
    findings.items[probe_find("read_config")] = (struct probe_finding){.state = PROBE_ABSENT};
    struct layer_verdict verdict, whole;
    struct probe_findings other = all_held();
    probe_judge_layer(&findings, LAYER_FILESYSTEM, nothing_missing, &verdict);
    probe_judge_layer(&other, LAYER_FILESYSTEM, nothing_missing, &whole);
    assert_int_equal(verdict.broken, 0);
    assert_int_equal(verdict.tried, whole.tried - 1);
}

static void test_every_mechanism_has_a_layer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MECHANISM_COUNT; i++) {
        bool has = false;
        for (unsigned layer = 0; layer < LAYER_COUNT; layer++)
            has = has || mechanism_name_is_of(mechanism_name((enum mechanism)i), (enum sandbox_layer)layer);
        if (!has)
            fail_msg("%s is of no layer", mechanism_name((enum mechanism)i));
    }
    assert_true(mechanism_name_is_of("missing:cgroup_memory", LAYER_RESOURCE));
    assert_true(mechanism_name_is_of("missing:landlock", LAYER_FILESYSTEM));
    assert_false(mechanism_name_is_of("missing:landlock", LAYER_RESOURCE));
    assert_false(mechanism_name_is_of("nonsense", LAYER_RESOURCE));
}

static void test_an_error_names_its_layer(void **state)
{
    (void)state;
    assert_int_equal(mechanism_layer_in("read_only_root: pivot_root: Function not implemented"),
                     LAYER_FILESYSTEM);
    assert_int_equal(mechanism_layer_in("network_namespace: unshare: Operation not permitted"),
                     LAYER_NETWORK);
    assert_int_equal(mechanism_layer_in("begin a task: user_namespace: write"), LAYER_PRIVILEGE);
    assert_int_equal(mechanism_layer_in("cgroup_memory, cgroup_cpu: no cgroup"), LAYER_RESOURCE);
    assert_int_equal(mechanism_layer_in("tmpfs: mount the workspace"), LAYER_RESOURCE);
    assert_int_equal(mechanism_layer_in("the slot init died"), LAYER_COUNT);
    assert_int_equal(mechanism_layer_in(""), LAYER_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_whole),
        cmocka_unit_test(test_reports_are_read),
        cmocka_unit_test(test_the_worst_stays),
        cmocka_unit_test(test_what_is_no_report_is_refused),
        cmocka_unit_test(test_a_layer_holds_when_all_its_probes_do),
        cmocka_unit_test(test_silence_is_broken),
        cmocka_unit_test(test_only_what_is_missing_is_excused),
        cmocka_unit_test(test_absent_counts_as_neither),
        cmocka_unit_test(test_every_mechanism_has_a_layer),
        cmocka_unit_test(test_an_error_names_its_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
