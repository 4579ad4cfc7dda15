/*
 * The main of a C or C++ suite (docs/harness.md, "completion token"). Compiled as C or as C++, linked in
 * front of the suite and the program with -Wl,--wrap=main,--wrap=exit: the start code calls __wrap_main here,
 * __real_main is the suite's own main.
 *
 * The control object is read from .preinit_array, before any constructor of the program runs, and its
 * descriptor closed. The report is written with bare system calls, because the program may define a `write`
 * of its own. Only main's return makes a "passed": every other way out either reports a failure or nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
#include <exception>
#define ASSAY_C extern "C"
#else
#define ASSAY_C
#endif

#define REPORT_FD   3
#define CONTROL_FD  4
#define SECRET_SIZE 32
#define MESSAGE_MAX 2000

ASSAY_C int __real_main(int argc, char **argv, char **envp);
ASSAY_C int __wrap_main(int argc, char **argv, char **envp);
ASSAY_C void __real_exit(int status) __attribute__((noreturn));
ASSAY_C void __wrap_exit(int status) __attribute__((noreturn));

static char secret[SECRET_SIZE]; /* as it came, combined with mask */
static char mask[SECRET_SIZE];
static struct stat channel; /* the report, as the process got it */
static char control[65536]; /* the object without the secret; file names are looked up in it */
static long started_ms;
static long main_pid; /* 0 until the suite's main is entered, and again once the report is written */

#if defined(__x86_64__)
static long system_call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static long system_call(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#else
static long system_call(long number, long a, long b, long c)
{
    long result = syscall(number, a, b, c);
    return result < 0 ? -errno : result;
}
#endif

static long describe(int fd, struct stat *found)
{
    return system_call(SYS_fstat, fd, (long)found, 0);
}

static void report(const char *text, size_t size)
{
    struct stat now;
    /* Not into a pipe that the program put in its place: it would read the secret there. */
    if (describe(REPORT_FD, &now) != 0 || now.st_dev != channel.st_dev || now.st_ino != channel.st_ino)
        return;
    while (size > 0) {
        long written = system_call(SYS_write, REPORT_FD, (long)text, (long)size);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        size -= (size_t)written;
    }
}

/* One line under construction. */
struct line {
    char text[MESSAGE_MAX * 6 + 256];
    size_t size;
};

static void add_char(struct line *line, char c)
{
    if (line->size < sizeof line->text)
        line->text[line->size++] = c;
}

static void add(struct line *line, const char *text)
{
    while (*text != '\0')
        add_char(line, *text++);
}

/* Length of the UTF-8 sequence at `text`; 0 when it is none. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

/* JSON string content. */
static void add_quoted(struct line *line, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < MESSAGE_MAX && text[i] != '\0'; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            add_char(line, '\\');
            add_char(line, (char)c);
        } else if (c >= 0x80) {
            size_t length = utf8_length((const unsigned char *)text + i);
            if (length == 0)
                add(line, "\\ufffd");
            for (size_t k = 0; k < length; k++)
                add_char(line, text[i + k]);
            i += length > 0 ? length - 1 : 0;
        } else if (c < 0x20 || c == 0x7f) {
            add(line, "\\u00");
            add_char(line, hex[c >> 4]);
            add_char(line, hex[c & 15]);
        } else {
            add_char(line, (char)c);
        }
    }
}

static void start_line(struct line *line, const char *type)
{
    line->size = 0;
    add(line, "{\"k\":\"");
    for (size_t i = 0; i < SECRET_SIZE; i++)
        add_char(line, (char)(secret[i] ^ mask[i]));
    add(line, "\",\"t\":\"");
    add(line, type);
    add(line, "\"");
}

static void end_line(struct line *line)
{
    add(line, "}\n");
    report(line->text, line->size);
}

static long monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void report_outcome(const char *outcome, const char *message)
{
    static struct line line;
    char duration[64];
    main_pid = 0;
    start_line(&line, "test");
    add(&line, ",\"name\":\"main\",\"outcome\":\"");
    add(&line, outcome);
    (void)snprintf(duration, sizeof duration, "\",\"ms\":%ld", monotonic_ms() - started_ms);
    add(&line, duration);
    if (message != NULL) {
        add(&line, ",\"message\":\"");
        add_quoted(&line, message);
        add(&line, "\"");
    }
    end_line(&line);
    start_line(&line, "done");
    end_line(&line);
    memset(&line, 0, sizeof line);
}

/* True in the suite's own process while its main runs: a forked child does not report. */
static int may_report(void)
{
    return main_pid != 0 && main_pid == system_call(SYS_getpid, 0, 0, 0);
}

static char *find(char *text, const char *wanted)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (wanted[i] != '\0' && text[i] == wanted[i])
            i++;
        if (wanted[i] == '\0')
            return text;
    }
    return NULL;
}

/* Runs before libc and everything else is set up: bare system calls and our own memory only. */
static void read_control(int argc, char **argv, char **envp)
{
    size_t size = 0;
    char *value;
    (void)argc, (void)argv, (void)envp;
    (void)describe(REPORT_FD, &channel);
    (void)system_call(SYS_getrandom, (long)mask, sizeof mask, 0);
    for (;;) {
        char rest[512];
        int full = size == sizeof control - 1;
        long got = system_call(SYS_read, CONTROL_FD, (long)(full ? rest : control + size),
                               (long)(full ? sizeof rest : sizeof control - 1 - size));
        if (got == -EINTR)
            continue;
        if (got <= 0)
            break;
        if (!full)
            size += (size_t)got;
    }
    (void)system_call(SYS_close, CONTROL_FD, 0, 0);
    /* The secret is hex digits, so the first string value behind its key needs no unescaping. */
    value = find(control, "\"secret\"");
    value = value == NULL ? NULL : find(value + sizeof "\"secret\"" - 1, "\"");
    for (size_t i = 0; value != NULL && i < SECRET_SIZE && value[1 + i] != '\0'; i++) {
        secret[i] = (char)(value[1 + i] ^ mask[i]);
        ((volatile char *)value)[1 + i] = '.';
    }
}

/* C++ has no other way to see that a function in .preinit_array is used. */
typedef void preinit_fn(int, char **, char **);
__attribute__((section(".preinit_array"), used)) static preinit_fn *const assay_preinit = read_control;

static int run_suite(int argc, char **argv, char **envp)
{
#ifdef __cplusplus
    try {
        return __real_main(argc, argv, envp);
    } catch (const std::exception &error) {
        char text[MESSAGE_MAX];
        (void)snprintf(text, sizeof text, "an exception left main: %s", error.what());
        fprintf(stderr, "%s\n", text);
        if (may_report())
            report_outcome("failed", text);
        return 1;
    } catch (...) {
        fprintf(stderr, "an exception left main\n");
        if (may_report())
            report_outcome("failed", "an exception left main");
        return 1;
    }
#else
    return __real_main(argc, argv, envp);
#endif
}

int __wrap_main(int argc, char **argv, char **envp)
{
    int status;
    char text[64];
    started_ms = monotonic_ms();
    main_pid = system_call(SYS_getpid, 0, 0, 0);
    status = run_suite(argc, argv, envp);
    if (!may_report())
        return status;
    if (status == 0) {
        report_outcome("passed", NULL);
    } else {
        (void)snprintf(text, sizeof text, "main returned %d", status);
        report_outcome("failed", text);
    }
    return status;
}

/* Called in place of exit by the suite and the program. Leaving with 0 before main returned is no pass. */
void __wrap_exit(int status)
{
    if (status != 0 && may_report()) {
        char text[64];
        (void)snprintf(text, sizeof text, "exit(%d) was called", status);
        report_outcome("failed", text);
    }
    __real_exit(status);
}

/* True for the main file of the program and its untrusted_files. */
static int is_program_file(const char *file)
{
    char quoted[1024];
    char *untrusted = find(control, "\"untrusted_files\""), *end, *program, *found;
    if (file[0] == '.' && file[1] == '/')
        file += 2;
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", file);
    program = find(control, "\"program\"");
    program = program == NULL ? NULL : find(program + sizeof "\"program\"" - 1, "\"");
    if (program != NULL && strncmp(program, quoted, strlen(quoted)) == 0)
        return 1;
    end = untrusted == NULL ? NULL : find(untrusted, "]");
    found = untrusted == NULL ? NULL : find(untrusted, quoted);
    return end != NULL && found != NULL && found < end;
}

/* glibc's assert ends here. In the suite, or a file that came with it, it is how a test fails; in the program
 * it is a crash. */
ASSAY_C void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
#ifdef __cplusplus
    noexcept
#endif
{
    char text[MESSAGE_MAX];
    (void)snprintf(text, sizeof text, "%s:%u: %s: Assertion `%s' failed.", file, line,
                   function != NULL ? function : "?", assertion);
    fflush(stdout);
    fprintf(stderr, "%s\n", text);
    if (!is_program_file(file) && may_report()) {
        report_outcome("failed", text);
        _exit(1);
    }
    abort();
}
