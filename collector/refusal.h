/*
 * What a failed statement means for the rows in it. Pure. Codes: PostgreSQL documentation, appendix A.
 */
#ifndef ASSAY_COLLECTOR_REFUSAL_H
#define ASSAY_COLLECTOR_REFUSAL_H

enum fault {
    /* A value: the same rows will be refused again. Found by bisection, the culprit goes to the dead results.
     */
    FAULT_ROW,
    /* Anything else (a deadlock, a full disk, a missing table, a server that goes down): nothing is wrong
     * with the rows. They are held and tried again; blaming them would empty the queue into the dead letters.
     */
    FAULT_PASSING,
};

/* `sqlstate` "" : the failure was not the server's. */
enum fault fault_of_sqlstate(const char *sqlstate);

#endif
