/* What crosses the sandbox's border: blobs of strings and files (wire.h), and the probes' reports. The first
 * byte chooses. */
#include "fuzz.h"

#include <string.h>

#include "worker/probes.h"
#include "worker/sandbox/wire.h"

static void read_strings(struct wire_view view)
{
    size_t before = view.at;
    for (const char *text; (text = wire_view_string(&view)) != NULL; before = view.at)
        FUZZ_REQUIRE(view.at <= view.size && view.at == before + strlen(text) + 1);
}

static void read_files(struct wire_view view)
{
    struct wire_file file;
    while (wire_view_file(&view, &file)) {
        const char *data = file.data;
        FUZZ_REQUIRE(view.at <= view.size && strlen(file.path) < view.size);
        FUZZ_REQUIRE(data >= view.data && data + file.size == view.data + view.at);
    }
}

static void read_report(const char *text, size_t size)
{
    static const char *const none[] = {NULL};
    struct probe_findings findings = {.items = {{.slot = 0}}};
    char bad[64] = "";
    bool fine = probe_read_report(&findings, 1, text, size, bad, sizeof(bad));
    FUZZ_REQUIRE(strlen(bad) < sizeof(bad) && (!fine || bad[0] == '\0'));
    size_t held = 0;
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        struct layer_verdict verdict;
        probe_judge_layer(&findings, (enum sandbox_layer)layer, none, &verdict);
        FUZZ_REQUIRE(verdict.tried == verdict.held + verdict.broken + verdict.missing);
        held += verdict.held;
    }
    FUZZ_REQUIRE(held <= PROBE_COUNT && (size > 0 || held == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *copy = fuzz_copy(data + 1, size - 1);
    struct wire_view view = {.data = copy, .size = size - 1};
    if (data[0] % 2 == 0) {
        read_strings(view);
        read_files(view);
    } else {
        read_report(copy, size - 1);
    }
    free(copy);
    return 0;
}
