/* The calling thread's capability sets, by system calls alone (capabilities(7)): every task needs them twice,
 * and a library that reads /proc for them costs more than all else that is set up. */
#ifndef ASSAY_WORKER_SANDBOX_CAPABILITIES_H
#define ASSAY_WORKER_SANDBOX_CAPABILITIES_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/* Effective, permitted and inheritable, 32 capabilities a word. */
struct capabilities {
    struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
};

/* Both: errno tells why not. */
bool capabilities_read(struct capabilities *now);
bool capabilities_write(const struct capabilities *wanted);
bool capabilities_equal(const struct capabilities *a, const struct capabilities *b);
bool capabilities_effective(const struct capabilities *sets, unsigned capability);
bool capabilities_permitted(const struct capabilities *sets, unsigned capability);

/* Both look at each capability that the running kernel has, which may be more than its headers name. */
/* Does the bounding set hold none but those of `but` (bits)? */
bool capabilities_bounding_is_empty(uint64_t but);
/* Drops all of it; needs CAP_SETPCAP. False with errno. */
bool capabilities_empty_bounding(void);

#endif
