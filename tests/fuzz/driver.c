/*
 * A small coverage-guided fuzzer for gcc, which has no libFuzzer: the code under test is compiled with
 * -fsanitize-coverage=trace-pc and calls __sanitizer_cov_trace_pc for each basic block. Inputs that reach new
 * ones (or reach them more often) join the corpus and are mutated further.
 *
 *   fuzz_NAME [-max_total_time=SECONDS] [-runs=N] [-seed=N] [-max_len=BYTES] [-dict=FILE]
 *             [-artifact_prefix=PATH] [FOLDER | FILE ...]
 *
 * Folders hold the corpus; new inputs are written into the first one. Files alone: each is run once. An input
 * that crashes, breaks a promise or takes longer than 10 seconds is saved as <prefix>crash-<n>. Not linked
 * with libFuzzer's own main.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MAP_SIZE      65536
#define INPUT_SECONDS 10
#define WORDS_MAX     512
#define CORPUS_MAX    20000
#define MUTATIONS_MAX 6

struct input {
    uint8_t *data;
    size_t size;
};

static uint8_t blocks[MAP_SIZE]; /* hits of the current run */
static uint8_t seen[MAP_SIZE];   /* classes of hits so far, a bit each */
static struct input corpus[CORPUS_MAX];
static size_t corpus_count;
static struct input words[WORDS_MAX];
static size_t word_count;
static uint64_t random_state = 1;
static size_t max_len = 4096;
static const char *artifact_prefix = "./";
static const char *output_folder;
static struct input current; /* for the handlers of its death */

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    blocks[(pc ^ (pc >> 16)) % MAP_SIZE]++;
}

static uint64_t random_number(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1DULL;
}

static size_t below(size_t bound)
{
    return bound == 0 ? 0 : (size_t)(random_number() % bound);
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
    (void)snprintf(path, sizeof(path), "%scrash-%08llx", artifact_prefix,
                   (unsigned long long)(random_state & 0xffffffff));
    write_file(path, current);
    (void)fprintf(stderr, "the input is saved as %s\n", path);
    current.data = NULL;
}

static void on_signal(int number)
{
    static const char slow[] = "the input takes too long\n";
    if (number == SIGALRM)
        (void)!write(STDERR_FILENO, slow, sizeof(slow) - 1);
    save_crash();
    _exit(77);
}

/* --- one run ------------------------------------------------------------------------------------------ */

/* 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128-255 hits: a bit each (AFL's classes). */
static uint8_t hit_class(uint8_t hits)
{
    static const uint8_t upper[] = {1, 2, 3, 7, 15, 31, 127, 255};
    for (unsigned i = 0; i < sizeof(upper); i++)
        if (hits <= upper[i])
            return (uint8_t)(1u << i);
    return 0;
}

/* True when the input reached something new. */
static bool run_input(struct input input)
{
    bool news = false;
    memset(blocks, 0, sizeof(blocks));
    current = input;
    (void)alarm(INPUT_SECONDS);
    (void)LLVMFuzzerTestOneInput(input.data, input.size);
    (void)alarm(0);
    current.data = NULL;
    for (size_t i = 0; i < MAP_SIZE; i++) {
        if (blocks[i] != 0 && (seen[i] & hit_class(blocks[i])) == 0) {
            seen[i] |= hit_class(blocks[i]);
            news = true;
        }
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

/* --- mutation ----------------------------------------------------------------------------------------- */

/* Puts `piece` over `size` bytes at `at`; nothing when the result would be too long. */
static void replace(struct input *input, size_t at, size_t size, const uint8_t *piece, size_t piece_size)
{
    if (input->size - size + piece_size > max_len)
        return;
    memmove(input->data + at + piece_size, input->data + at + size, input->size - at - size);
    memcpy(input->data + at, piece, piece_size);
    input->size += piece_size - size;
}

static void put_number(struct input *input)
{
    static const char *const numbers[] = {"0",
                                          "-1",
                                          "1e999",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "0.0",
                                          "1.5",
                                          "1e-9",
                                          "4294967296",
                                          "null",
                                          "[]",
                                          "{}",
                                          "\"\"",
                                          "true",
                                          "-0"};
    const char *number = numbers[below(sizeof(numbers) / sizeof(numbers[0]))];
    size_t at = below(input->size + 1), size = 0;
    while (at + size < input->size && input->data[at + size] >= '0' && input->data[at + size] <= '9')
        size++;
    replace(input, at, size, (const uint8_t *)number, strlen(number));
}

static void put_piece_of(struct input *input, struct input other)
{
    uint8_t piece[256];
    size_t from = below(other.size), size = below(other.size - from + 1);
    size = size < sizeof(piece) ? size : sizeof(piece);
    memcpy(piece, other.data + from, size); /* `other` may be `input` */
    replace(input, below(input->size + 1), 0, piece, size);
}

static void mutate(struct input *input)
{
    size_t at = below(input->size);
    uint8_t byte = (uint8_t)random_number();
    switch (below(9)) {
    case 0:
        if (input->size > 0)
            input->data[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (input->size > 0)
            input->data[at] = byte;
        break;
    case 2:
        replace(input, below(input->size + 1), 0, &byte, 1);
        break;
    case 3:
        replace(input, at, below(input->size - at + 1), &byte, 0);
        break;
    case 4:
        replace(input, at, below((input->size - at < 16 ? input->size - at : 16) + 1), &byte, 0);
        break;
    case 5:
        put_piece_of(input, *input);
        break;
    case 6:
        put_piece_of(input, corpus[below(corpus_count)]);
        break;
    case 7:
        put_number(input);
        break;
    default:
        if (word_count > 0) {
            struct input word = words[below(word_count)];
            replace(input, below(input->size + 1), 0, word.data, word.size);
        }
        break;
    }
}

static void mutate_and_run(uint8_t *scratch)
{
    struct input parent = corpus[below(corpus_count)];
    struct input input = {scratch, parent.size < max_len ? parent.size : max_len};
    memcpy(scratch, parent.data, input.size);
    for (size_t i = 1 + below(MUTATIONS_MAX); i > 0; i--)
        mutate(&input);
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

/* libFuzzer's dictionaries: name="text" with \xNN, \" and \\, a line each. */
static void read_dictionary(const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    while (fgets(line, sizeof(line), file) != NULL && word_count < WORDS_MAX) {
        const char *c = strchr(line, '"');
        uint8_t *word = line[0] == '#' || c == NULL ? NULL : malloc(strlen(line));
        size_t size = 0;
        unsigned value;
        for (c = c != NULL ? c + 1 : line; word != NULL && *c != '"' && *c != '\0'; c++) {
            if (*c == '\\' && sscanf(c, "\\x%2x", &value) == 1) {
                word[size++] = (uint8_t)value;
                c += 3;
                continue;
            }
            c += *c == '\\' && c[1] != '\0' ? 1 : 0;
            word[size++] = (uint8_t)*c;
        }
        if (word != NULL)
            words[word_count++] = (struct input){word, size};
    }
    (void)fclose(file);
}

static void run_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort); /* in an order, so that a seed repeats a run */
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (entries[i]->d_name[0] != '.') {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
            struct input input = read_input(path);
            (void)run_input(input);
            if (corpus_count < CORPUS_MAX)
                corpus[corpus_count++] = input;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static bool is_option(const char *word, const char *name, const char **value)
{
    size_t size = strlen(name);
    *value = word + size;
    return strncmp(word, name, size) == 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct options {
    uint64_t runs; /* 0 = no end */
    long seconds;  /* 0 = no end */
    bool folders;  /* there is a corpus */
    bool files;    /* inputs were named and have been run */
};

/* A folder or a file on the command line. */
static void take_path(const char *path, struct options *options)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        run_folder(path);
        output_folder = output_folder != NULL ? output_folder : path;
        options->folders = true;
        return;
    }
    struct input input = read_input(path);
    (void)run_input(input);
    free(input.data);
    options->files = true;
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
            random_state = strtoull(value, NULL, 10) | 1;
        else if (is_option(argv[i], "-max_len=", &value))
            max_len = strtoul(value, NULL, 10);
        else if (is_option(argv[i], "-dict=", &value))
            read_dictionary(value);
        else if (is_option(argv[i], "-artifact_prefix=", &value))
            artifact_prefix = value;
        else
            take_path(argv[i], options);
    }
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
        if (options->seconds > 0 && runs % 64 == 0 && now_ms() >= end_ms)
            break;
        mutate_and_run(scratch);
    }
    free(scratch);
    return runs;
}

static void report(uint64_t runs)
{
    size_t covered = 0;
    for (size_t i = 0; i < MAP_SIZE; i++)
        covered += seen[i] != 0 ? 1 : 0;
    (void)fprintf(stderr, "Done %llu runs; corpus: %zu; blocks: %zu\n", (unsigned long long)runs,
                  corpus_count, covered);
}

int main(int argc, char **argv)
{
    struct options options = {0, 0, false, false};
    __sanitizer_set_death_callback(save_crash);
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGALRM, on_signal);
    read_options(argc, argv, &options);
    if (!options.files || options.folders || options.runs > 0 || options.seconds > 0)
        report(fuzz(&options));
    for (size_t i = 0; i < corpus_count; i++)
        free(corpus[i].data);
    for (size_t i = 0; i < word_count; i++)
        free(words[i].data);
    return 0;
}
