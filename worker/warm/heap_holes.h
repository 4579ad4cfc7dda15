/* Free memory that lies between what is in use. */
#ifndef ASSAY_WORKER_WARM_HEAP_HOLES_H
#define ASSAY_WORKER_WARM_HEAP_HOLES_H

/* Takes it, of malloc's heap and of Python's own, and never gives it back. What a fork allocates then lies
 * together instead of on one page here and one there of its server's, each of which it would have to copy.
 * Call once, when everything is loaded; in a Python with the interpreter's lock held. */
void heap_holes_fill(void);

#endif
