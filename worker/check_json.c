#include <jansson.h>

#include "common/mem.h"
#include "common/message/json_memory.h"
#include "worker/check.h"

static json_t *names_of_layer(const struct check *check, enum sandbox_layer layer)
{
    json_t *names = json_array();
    for (const char *const *name = check->mechanisms; *name != NULL; name++)
        if (mechanism_name_is_of(*name, layer))
            (void)json_array_append_new(names, json_string(*name));
    return names;
}

static json_t *probes_of_layer(const struct check *check, enum sandbox_layer layer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        const struct probe_finding *finding = &check->findings->items[i];
        if (probes[i].layer != layer)
            continue;
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:s}", "probe", probes[i].name,
                                                    "attempt", probes[i].attempt, "verdict",
                                                    probe_verdict_name(check_probe(check, i)), "slot",
                                                    (int)finding->slot, "detail", finding->detail));
    }
    return list;
}

static json_t *layer_to_json(const struct check *check, enum sandbox_layer layer)
{
    struct layer_verdict verdict;
    probe_judge_layer(check->findings, layer, check->mechanisms, &verdict);
    return json_pack("{s:s, s:b, s:i, s:i, s:o, s:o}", "layer", sandbox_layer_name(layer), "held",
                     verdict.broken == 0, "probes_held", (int)verdict.held, "probes_tried",
                     (int)verdict.tried, "mechanisms", names_of_layer(check, layer), "probes",
                     probes_of_layer(check, layer));
}

static json_t *runtime_to_json(const struct self_test *test)
{
    return json_pack("{s:s, s:b, s:s, s:s, s:I, s:s}", "runtime", test->runtime->name, "passed", test->passed,
                     "status", status_name(test->result->status), "reason", reason_name(test->result->reason),
                     "ms", (json_int_t)check_duration_ms(test->result), "detail", check_detail(test));
}

static json_t *warm_to_json(const struct check *check)
{
    const struct slot_servers *servers = runner_warm_servers(check->runner);
    json_t *list = json_array();
    for (unsigned number = 1; number <= servers->count; number++) {
        const struct sandbox_server_state *state = runner_warm_state(check->runner, number);
        if (state != NULL)
            (void)json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:I, s:I, s:s}", "runtime",
                                                        servers->runtimes[number - 1]->name, "steps",
                                                        slot_servers_steps(servers, number), "serves",
                                                        state->serves, "ms", (json_int_t)state->start_ms,
                                                        "memory_kb", (json_int_t)(state->memory_bytes >> 10),
                                                        "detail", state->text));
    }
    return list;
}

bool check_print_json(const struct check *check, FILE *out)
{
    json_t *layers = json_array(), *runtimes = json_array();
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++)
        (void)json_array_append_new(layers, layer_to_json(check, (enum sandbox_layer)layer));
    for (size_t i = 0; i < check->tests->count; i++)
        (void)json_array_append_new(runtimes, runtime_to_json(&check->tests->items[i]));
    json_t *root = json_pack("{s:b, s:o, s:o, s:o}", "passed", check_passed(check), "layers", layers,
                             "runtimes", runtimes, "warm_servers", warm_to_json(check));
    autofree char *text = json_memory_text(root, JSON_INDENT(2), NULL);
    json_decref(root);
    if (text == NULL)
        return false;
    (void)fprintf(out, "%s\n", text);
    return true;
}
