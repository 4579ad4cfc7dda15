/* Rows that the configuration tables of several programs have (config.h). `at`: offset of the member;
 * `variable`: name of the environment variable. */
#ifndef ASSAY_COMMON_CONFIG_KEYS_H
#define ASSAY_COMMON_CONFIG_KEYS_H

#include "common/config.h"

/* int64_t */
#define CONFIG_KEY_HEARTBEAT_S(at, variable)                                                                 \
    {                                                                                                        \
        .key = "heartbeat_s", .type = CONFIG_INTEGER, .offset = (at), .default_text = "20", .minimum = 0,    \
        .maximum = 600, .environment = (variable),                                                           \
        .documentation =                                                                                     \
            "AMQP heartbeat in seconds: a dead connection is noticed within two of them. 0: off."            \
    }

/* int64_t */
#define CONFIG_KEY_CONFIRM_TIMEOUT_S(at, variable)                                                           \
    {                                                                                                        \
        .key = "confirm_timeout_s", .type = CONFIG_INTEGER, .offset = (at), .default_text = "60",            \
        .minimum = 1, .maximum = 86400, .environment = (variable),                                           \
        .documentation =                                                                                     \
            "Seconds that the broker may take to confirm a message; then it is published again "             \
            "over a new connection."                                                                         \
    }

/* char * */
#define CONFIG_KEY_LOG_LEVEL(at)                                                                             \
    {                                                                                                        \
        .key = "log.level", .type = CONFIG_CHOICE, .offset = (at), .default_text = "info",                   \
        .choices = "debug|info|warn|error",                                                                  \
        .documentation = "The least severe lines to log, on standard error."                                 \
    }

#endif
