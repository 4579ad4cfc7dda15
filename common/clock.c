#include "common/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_unix_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back (Howard Hinnant's
 * algorithms): free of time zones and of the C library's limits. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

#define DAY_MS INT64_C(86400000)

void clock_rfc3339(int64_t unix_ms, char out[RFC3339_SIZE])
{
    /* The form has four digits for the year: outside of it the nearest representable instant. */
    const int64_t last_ms = INT64_C(253402300799999);
    const int64_t first_ms = INT64_C(-62167219200000);
    if (unix_ms > last_ms)
        unix_ms = last_ms;
    if (unix_ms < first_ms)
        unix_ms = first_ms;
    int64_t days = unix_ms / DAY_MS;
    int64_t rest = unix_ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    int64_t year;
    int month;
    int day;
    civil_from_days(days, &year, &month, &day);
    char text[96];
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, month, day,
                   (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60),
                   (int)(rest % 1000));
    memcpy(out, text, RFC3339_SIZE);
    out[RFC3339_SIZE - 1] = '\0';
}

/* Exactly `count` digits; moves the cursor past them. */
static bool digits(const char **cursor, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)**cursor))
            return false;
        *value = *value * 10 + (*(*cursor)++ - '0');
    }
    return true;
}

static bool literal(const char **cursor, char c)
{
    if (**cursor != c)
        return false;
    (*cursor)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool parse_offset(const char **cursor, int *minutes)
{
    *minutes = 0;
    if (**cursor == 'Z' || **cursor == 'z') {
        (*cursor)++;
        return true;
    }
    int sign = **cursor == '+' ? 1 : **cursor == '-' ? -1 : 0;
    if (sign == 0)
        return false;
    (*cursor)++;
    int hour;
    int minute;
    if (!digits(cursor, 2, &hour) || !literal(cursor, ':') || !digits(cursor, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

static bool parse_fraction(const char **cursor, int *ms)
{
    *ms = 0;
    if (!literal(cursor, '.'))
        return true;
    int scale = 100;
    int count = 0;
    for (; isdigit((unsigned char)**cursor); (*cursor)++, count++) {
        *ms += (**cursor - '0') * scale;
        scale /= 10;
    }
    return count > 0;
}

bool clock_parse_rfc3339(const char *text, int64_t *unix_ms)
{
    const char *c = text;
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
    int ms;
    int offset;
    if (!digits(&c, 4, &year) || !literal(&c, '-') || !digits(&c, 2, &month) || !literal(&c, '-') ||
        !digits(&c, 2, &day))
        return false;
    if (*c != 'T' && *c != 't' && *c != ' ')
        return false;
    c++;
    if (!digits(&c, 2, &hour) || !literal(&c, ':') || !digits(&c, 2, &minute) || !literal(&c, ':') ||
        !digits(&c, 2, &second) || !parse_fraction(&c, &ms) || !parse_offset(&c, &offset) || *c != '\0')
        return false;
    /* Second 60 is a leap second (RFC 3339, 5.6): taken as the first instant of the next minute. */
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
        second > 60)
        return false;
    int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *unix_ms = (seconds - (int64_t)offset * 60) * 1000 + ms;
    return true;
}
