/*
 * A small coverage-guided fuzzer for gcc, which has no libFuzzer: the code under test is compiled with
 * -fsanitize-coverage=trace-pc and calls __sanitizer_cov_trace_pc for each basic block. Inputs that reach new
 * ones (or reach them more often) join the corpus and are mutated further (mutate.h).
 *
 *   fuzz_NAME [-max_total_time=SECONDS] [-runs=N] [-seed=N] [-max_len=BYTES] [-dict=FILE]
 *             [-artifact_prefix=PATH] [-merge=1] [FOLDER | FILE ...]
 *
 * Folders hold the corpus; new inputs are written into the first one. Files alone: each is run once.
 * -merge=1: nothing is mutated; of the other folders' inputs, smallest first, those that reach what the first
 * folder's do not are copied there. An input that crashes, breaks a promise or takes longer than 10 seconds
 * is saved as <prefix>crash-<n>. Not linked with libFuzzer's own main.
 *
 * All runs are in this one process, without a system call of the driver's own for a run: ten million are to
 * be had in an hour. So this file and mutate.c are compiled without sanitizers, only the blocks that a run
 * touched are looked at, and slow inputs are found by a timer that ticks for all of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "mutate.h"

#define MAP_SIZE      65536
#define INPUT_SECONDS 10
#define CORPUS_MAX    20000
#define CLOCK_RUNS    64 /* the time is looked at once for so many */

static uint8_t blocks[MAP_SIZE];   /* hits of the current run */
static uint16_t touched[MAP_SIZE]; /* the blocks that it hit, each once */
static size_t touched_count;
static uint8_t seen[MAP_SIZE]; /* classes of hits so far, a bit each */
static struct input corpus[CORPUS_MAX];
static size_t corpus_count;
static size_t max_len = 4096;
static const char *artifact_prefix = "./";
static const char *output_folder;
static struct input current; /* for the handlers of its death */
static volatile uint64_t runs_done;
static volatile uint64_t runs_at_tick; /* of on_tick alone */

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    uint16_t block = (uint16_t)(pc ^ (pc >> 16));
    if (blocks[block] == 0)
        touched[touched_count++] = block;
    blocks[block] = (uint8_t)(blocks[block] + (blocks[block] < UINT8_MAX ? 1 : 0));
}

/* --- files -------------------------------------------------------------------------------------------- */

static struct input read_input(const char *path)
{
    struct input input = {NULL, 0};
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    input.data = malloc((size_t)info.st_size + 1);
    ssize_t got = input.data != NULL ? read(fd, input.data, (size_t)info.st_size) : -1;
    if (got != info.st_size)
        exit(2);
    input.size = (size_t)got;
    (void)close(fd);
    return input;
}

/* Async-signal-safe: it is called from dying programs. */
static void write_file(const char *path, struct input input)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, input.data, input.size) != (ssize_t)input.size)
        (void)!write(STDERR_FILENO, "cannot save an input\n", 21);
    if (fd >= 0)
        (void)close(fd);
}

static void save_crash(void)
{
    static char path[4096]; /* the stack may be the problem */
    if (current.data == NULL)
        return;
    (void)snprintf(path, sizeof(path), "%scrash-%08llx", artifact_prefix, (unsigned long long)runs_done);
    write_file(path, current);
    (void)fprintf(stderr, "the input is saved as %s\n", path);
    current.data = NULL;
}

static void on_abort(int number)
{
    (void)number;
    save_crash();
    _exit(77);
}

/* The same input at two ticks: it has taken INPUT_SECONDS at least. */
static void on_tick(int number)
{
    static const char slow[] = "the input takes too long\n";
    if (current.data == NULL || runs_done != runs_at_tick) {
        runs_at_tick = runs_done;
        return;
    }
    (void)!write(STDERR_FILENO, slow, sizeof(slow) - 1);
    on_abort(number);
}

static void watch_time(void)
{
    static const struct itimerval ticks = {{INPUT_SECONDS, 0}, {INPUT_SECONDS, 0}};
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    runs_at_tick = UINT64_MAX;
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &ticks, NULL);
}

/* --- one run ------------------------------------------------------------------------------------------ */

/* 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more hits: a bit each (AFL's classes). */
static uint8_t hit_class(uint8_t hits)
{
    static const uint8_t upper[] = {1, 2, 3, 7, 15, 31, 127, 255};
    unsigned i = 0;
    while (hits > upper[i])
        i++;
    return (uint8_t)(1u << i);
}

/* True when the input reached something new. */
static bool run_input(struct input input)
{
    bool news = false;
    touched_count = 0;
    current = input;
    (void)LLVMFuzzerTestOneInput(input.data, input.size);
    current.data = NULL;
    runs_done++;
    for (size_t i = 0; i < touched_count; i++) {
        uint16_t block = touched[i];
        uint8_t class = hit_class(blocks[block]);
        news = news || (seen[block] & class) == 0;
        seen[block] |= class;
        blocks[block] = 0;
    }
    return news;
}

static void keep(struct input input)
{
    char path[4096];
    if (corpus_count == CORPUS_MAX)
        return;
    struct input copy = {malloc(input.size + 1), input.size};
    if (copy.data == NULL)
        exit(2);
    memcpy(copy.data, input.data, input.size);
    corpus[corpus_count++] = copy;
    if (output_folder == NULL)
        return;
    (void)snprintf(path, sizeof(path), "%s/new-%zu", output_folder, corpus_count);
    write_file(path, copy);
}

/* Of two the shorter: what a long input reaches a short one mostly does too, in less time. */
static struct input pick_parent(void)
{
    struct input one = corpus[mutate_below(corpus_count)], other = corpus[mutate_below(corpus_count)];
    return one.size <= other.size ? one : other;
}

static void mutate_and_run(uint8_t *scratch)
{
    struct input parent = pick_parent();
    struct input input = {scratch, parent.size < max_len ? parent.size : max_len};
    memcpy(scratch, parent.data, input.size);
    mutate(&input, corpus[mutate_below(corpus_count)], max_len);
    /* The exact size, so that a read behind the end is seen. */
    struct input exact = {malloc(input.size > 0 ? input.size : 1), input.size};
    if (exact.data == NULL)
        exit(2);
    memcpy(exact.data, input.data, input.size);
    if (run_input(exact))
        keep(exact);
    free(exact.data);
}

/* --- options ------------------------------------------------------------------------------------------ */

struct options {
    uint64_t runs; /* 0 = no end */
    long seconds;  /* 0 = no end */
    bool merge;
    bool folders; /* there is a corpus */
    bool files;   /* inputs were named and have been run */
};

static void add_to_corpus(struct input input)
{
    if (corpus_count == CORPUS_MAX) {
        (void)fprintf(stderr, "more than %d inputs\n", CORPUS_MAX);
        exit(2);
    }
    corpus[corpus_count++] = input;
}

/* Each of the folder's inputs joins the corpus, and is run if `run`. */
static void read_folder(const char *folder, bool run)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort); /* in an order, so that a seed repeats a run */
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (entries[i]->d_name[0] != '.') {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
            struct input input = read_input(path);
            if (run)
                (void)run_input(input);
            add_to_corpus(input);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* A folder or a file on the command line. */
static void take_path(const char *path, struct options *options)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        read_folder(path, !options->merge || !options->folders);
        output_folder = output_folder != NULL ? output_folder : path;
        options->folders = true;
        return;
    }
    struct input input = read_input(path);
    (void)run_input(input);
    free(input.data);
    options->files = true;
}

static bool is_option(const char *word, const char *name, const char **value)
{
    size_t size = strlen(name);
    *value = word + size;
    return strncmp(word, name, size) == 0;
}

static void read_options(int argc, char **argv, struct options *options)
{
    const char *value;
    for (int i = 1; i < argc; i++) {
        if (is_option(argv[i], "-max_total_time=", &value))
            options->seconds = strtol(value, NULL, 10);
        else if (is_option(argv[i], "-runs=", &value))
            options->runs = strtoull(value, NULL, 10);
        else if (is_option(argv[i], "-seed=", &value))
            mutate_seed(strtoull(value, NULL, 10));
        else if (is_option(argv[i], "-max_len=", &value))
            max_len = strtoul(value, NULL, 10);
        else if (is_option(argv[i], "-dict=", &value))
            mutate_read_dictionary(value);
        else if (is_option(argv[i], "-artifact_prefix=", &value))
            artifact_prefix = value;
        else if (is_option(argv[i], "-merge=", &value))
            options->merge = value[0] == '1';
        else
            take_path(argv[i], options);
    }
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t fuzz(const struct options *options)
{
    uint64_t runs = 0;
    int64_t end_ms = now_ms() + options->seconds * 1000;
    uint8_t *scratch = malloc(2 * max_len + 1);
    if (scratch == NULL)
        exit(2);
    if (corpus_count == 0)
        keep((struct input){scratch, 0});
    for (; options->runs == 0 || runs < options->runs; runs++) {
        if (options->seconds > 0 && runs % CLOCK_RUNS == 0 && now_ms() >= end_ms)
            break;
        mutate_and_run(scratch);
    }
    free(scratch);
    return runs;
}

static int by_size(const void *a, const void *b)
{
    size_t left = ((const struct input *)a)->size, right = ((const struct input *)b)->size;
    return (left > right) - (left < right);
}

/* The first folder's inputs, of which there are `first`, have been run; the others have not. */
static void merge(size_t first)
{
    size_t all = corpus_count, kept = 0;
    qsort(corpus + first, all - first, sizeof(corpus[0]), by_size);
    for (size_t i = first; i < all; i++) {
        if (!run_input(corpus[i]))
            continue;
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%zu-%zu", output_folder, first, ++kept);
        write_file(path, corpus[i]);
    }
    (void)fprintf(stderr, "Merged %zu of %zu inputs\n", kept, all - first);
}

static void report(uint64_t runs, int64_t started_ms)
{
    size_t covered = 0;
    for (size_t i = 0; i < MAP_SIZE; i++)
        covered += seen[i] != 0 ? 1 : 0;
    (void)fprintf(stderr, "Done %llu runs in %lld second(s); corpus: %zu; blocks: %zu\n",
                  (unsigned long long)runs, (long long)(now_ms() - started_ms) / 1000, corpus_count, covered);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    int64_t started_ms = now_ms();
    __sanitizer_set_death_callback(save_crash);
    (void)signal(SIGABRT, on_abort);
    watch_time();
    read_options(argc, argv, &options);
    if (options.merge)
        merge((size_t)runs_done);
    else if (!options.files || options.folders || options.runs > 0 || options.seconds > 0)
        report(fuzz(&options), started_ms);
    for (size_t i = 0; i < corpus_count; i++)
        free(corpus[i].data);
    mutate_end();
    return 0;
}
