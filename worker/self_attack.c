#include "worker/self_attack.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/mem.h"
#include "worker/decoys.h"
#include "worker/self_attack_slot.h"

#define PROGRAM_BYTES_MAX ((size_t)16 << 20)

/* The worst of all slots. A probe that said nothing is no better than one that got through. */
static void merge(struct probe_findings *all, const struct attack *attack)
{
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        const struct probe_finding *one = &attack->findings.items[i];
        char silence[128];
        (void)snprintf(silence, sizeof silence, "the probe said nothing%s%s",
                       attack->ending[0] != '\0' ? "; " : "", attack->ending);
        if (one->state == PROBE_SILENT)
            probe_note(all, i, attack->slot, PROBE_BROKEN, silence);
        else
            probe_note(all, i, attack->slot, one->state, one->detail);
    }
}

static bool read_program(struct buf *program, struct err *err)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        return err_set_errno(err, ERR_INFRA, "find the running program's folder");
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL || (size_t)(slash + 1 - path) + sizeof ATTACK_PROGRAM > sizeof path)
        return err_set(err, ERR_INFRA, "find the running program's folder");
    memcpy(slash + 1, ATTACK_PROGRAM, sizeof ATTACK_PROGRAM);
    return file_read(path, PROGRAM_BYTES_MAX, program, err) ||
           err_wrap(err, "%s must be installed beside the worker", ATTACK_PROGRAM);
}

/* One thread's part: every `stride`-th slot. */
struct share {
    struct attack *attacks;
    size_t first, stride, count;
    bool ok;
    struct err err;
    pthread_t thread;
    bool in_thread;
};

static void *attack_share(void *context)
{
    struct share *share = context;
    share->ok = true;
    for (size_t i = share->first; share->ok && i < share->count; i += share->stride)
        share->ok = attack_slot(&share->attacks[i], &share->err) ||
                    err_wrap(&share->err, "self-attack in slot %u", share->attacks[i].slot);
    return NULL;
}

/* As many at a time as the machine has processors: the probes compute, and wait for little. */
static bool attack_all(struct attack *attacks, size_t count, struct err *err)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t stride = processors < 1 ? 1 : (size_t)processors < count ? (size_t)processors : count;
    autofree struct share *shares = calloc(stride + 1, sizeof *shares);
    if (shares == NULL)
        return err_set(err, ERR_NO_MEMORY, "self-attack: no memory");
    bool ok = true;
    for (size_t i = 0; i < stride; i++) {
        shares[i] = (struct share){.attacks = attacks, .first = i, .stride = stride, .count = count};
        shares[i].in_thread = i > 0 && pthread_create(&shares[i].thread, NULL, attack_share, &shares[i]) == 0;
    }
    for (size_t i = 0; i < stride; i++) {
        if (shares[i].in_thread)
            (void)pthread_join(shares[i].thread, NULL);
        else
            (void)attack_share(&shares[i]);
        if (ok && !shares[i].ok && err != NULL)
            *err = shares[i].err;
        ok = ok && shares[i].ok;
    }
    return ok;
}

static size_t count_slots(const struct runner *runner)
{
    size_t count = 0;
    while (runner_sandbox(runner, (unsigned)count + 1) != NULL)
        count++;
    return count;
}

bool self_attack(struct runner *runner, const char *config_file, struct probe_findings *findings,
                 struct err *err)
{
    autobuf struct buf program = BUF_INIT;
    autofree char *config = config_file != NULL ? realpath(config_file, NULL) : NULL;
    size_t count = count_slots(runner);
    autofree struct attack *attacks = calloc(count + 1, sizeof *attacks);
    struct decoys decoys;
    *findings = (struct probe_findings){.items = {{.state = PROBE_SILENT}}};
    if (attacks == NULL)
        return err_set(err, ERR_NO_MEMORY, "self-attack: no memory");
    if (!read_program(&program, err) || !decoys_open(&decoys, err))
        return err_wrap(err, "self-attack");
    for (size_t i = 0; i < count; i++)
        attacks[i] = (struct attack){.sandbox = runner_sandbox(runner, (unsigned)i + 1),
                                     .slot = (unsigned)i + 1,
                                     .decoys = &decoys,
                                     .program = &program,
                                     .config_file = config != NULL ? config : ""};
    bool ok = attack_all(attacks, count, err);
    for (size_t i = 0; i < count; i++)
        merge(findings, &attacks[i]);
    decoys_close(&decoys);
    return ok;
}

bool self_attack_held(const struct probe_findings *findings, const char *const *mechanisms, struct err *err)
{
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        struct layer_verdict verdict;
        probe_judge_layer(findings, (enum sandbox_layer)layer, mechanisms, &verdict);
        if (verdict.broken == 0)
            continue;
        const struct probe_finding *finding = &findings->items[verdict.first_broken];
        return err_set(err, ERR_INFRA,
                       "the %s layer of the sandbox does not hold (%zu of %zu probes broken): probe %s (%s), "
                       "slot %u: %s; assay-worker --check shows all",
                       sandbox_layer_name((enum sandbox_layer)layer), verdict.broken, verdict.tried,
                       probes[verdict.first_broken].name, probes[verdict.first_broken].attempt, finding->slot,
                       finding->detail);
    }
    return true;
}
