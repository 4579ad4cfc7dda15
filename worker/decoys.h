/*
 * What the probes are sent after outside the sandbox: listeners on the machine's loopback and on an abstract
 * socket, and a file that everybody may read. Each is tried from here first, as the control: what a probe is
 * refused inside is open outside.
 */
#ifndef ASSAY_WORKER_DECOYS_H
#define ASSAY_WORKER_DECOYS_H

#include <limits.h>
#include <stdbool.h>

#include "common/err.h"

struct decoys {
    int tcp, udp, abstract;
    int port;               /* of tcp and udp on 127.0.0.1; 0 = the machine has no loopback to try */
    char abstract_name[40]; /* without the leading NUL; "" = there is none */
    char canary[PATH_MAX];  /* "" = no folder for it can be written */
    int canary_fd;          /* locked as long as this worker lives */
    unsigned long long worker_started; /* starttime of this process, proc(5) */
};

/* False (ERR_INFRA) when this process cannot be told from others; a decoy that cannot be laid is left out.
 * Canaries of workers that were killed are removed. */
bool decoys_open(struct decoys *decoys, struct err *err);
void decoys_close(struct decoys *decoys);
/* What was reached since: "tcp", "udp", "abstract", or NULL when nothing was. */
const char *decoys_reached(const struct decoys *decoys);

#endif
