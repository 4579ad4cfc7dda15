/* What lines of code look like: the features of detect.h. Pure. */
#ifndef ASSAY_PRODUCER_DETECT_LINES_H
#define ASSAY_PRODUCER_DETECT_LINES_H

#include "producer/detect.h"

/* Adds to `points` (LANGUAGE_COUNT places) what the text's lines say; comments, doc strings, template
 * literals and here-documents are left out, as are the letters inside of quotes. An absent text says nothing.
 */
void detect_score_text(const struct blob *text, int *points);

#endif
