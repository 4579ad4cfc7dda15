#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/lines.h"

static enum lines_answer next(struct lines *lines, const char **line, size_t *size)
{
    enum lines_answer answer;
    struct err err = ERR_INIT;
    while ((answer = lines_next(lines, line, size)) == LINES_NEED_INPUT)
        assert_true(lines_read(lines, &err));
    return answer;
}

static void expect_line(struct lines *lines, const char *text, int64_t number)
{
    const char *line;
    size_t size;
    assert_int_equal(next(lines, &line, &size), LINES_LINE);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(line, text, size);
    assert_int_equal(lines->number, number);
}

static int temporary(const void *text, size_t size)
{
    char path[] = "/tmp/assay-lines-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void lines_are_numbered_and_blank_ones_skipped(void **state)
{
    static const char text[] = "one\n\n  \t\r\ntwo\n\nlast without newline";
    (void)state;
    int fd = temporary(text, sizeof text - 1);
    struct lines lines;
    const char *line;
    size_t size;
    lines_init(&lines, fd);
    expect_line(&lines, "one", 1);
    expect_line(&lines, "two", 4);
    expect_line(&lines, "last without newline", 6);
    assert_int_equal(next(&lines, &line, &size), LINES_END);
    assert_int_equal(next(&lines, &line, &size), LINES_END);
    lines_free(&lines);
    (void)close(fd);
}

static void an_empty_file_has_no_line(void **state)
{
    (void)state;
    int fd = temporary("", 0);
    struct lines lines;
    const char *line;
    size_t size;
    lines_init(&lines, fd);
    assert_int_equal(next(&lines, &line, &size), LINES_END);
    lines_free(&lines);
    (void)close(fd);
}

static void a_pipe_gives_lines_in_parts(void **state)
{
    int ends[2];
    struct lines lines;
    const char *line;
    size_t size;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    lines_init(&lines, ends[0]);
    assert_int_equal(write(ends[1], "al", 2), 2);
    assert_true(lines_read(&lines, &err));
    assert_int_equal(lines_next(&lines, &line, &size), LINES_NEED_INPUT);
    assert_int_equal(write(ends[1], "pha\nbe", 6), 6);
    assert_true(lines_read(&lines, &err));
    expect_line(&lines, "alpha", 1);
    (void)close(ends[1]);
    expect_line(&lines, "be", 2);
    lines_free(&lines);
    (void)close(ends[0]);
}

static void a_line_that_is_too_long_is_reported_and_skipped(void **state)
{
    size_t long_size = LINES_SIZE_MAX + 3 * 1024 * 1024;
    char *text = malloc(long_size + 16);
    (void)state;
    assert_non_null(text);
    memcpy(text, "a\n", 2);
    memset(text + 2, 'x', long_size);
    memcpy(text + 2 + long_size, "\nb\n", 3);
    int fd = temporary(text, 2 + long_size + 3);
    free(text);
    struct lines lines;
    const char *line;
    size_t size;
    lines_init(&lines, fd);
    expect_line(&lines, "a", 1);
    assert_int_equal(next(&lines, &line, &size), LINES_TOO_LONG);
    assert_true(size > LINES_SIZE_MAX);
    assert_int_equal(lines.number, 2);
    expect_line(&lines, "b", 3);
    assert_int_equal(next(&lines, &line, &size), LINES_END);
    lines_free(&lines);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_numbered_and_blank_ones_skipped),
        cmocka_unit_test(an_empty_file_has_no_line),
        cmocka_unit_test(a_pipe_gives_lines_in_parts),
        cmocka_unit_test(a_line_that_is_too_long_is_reported_and_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
