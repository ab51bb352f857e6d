/* SPDX-License-Identifier: Apache-2.0 */
/* The journal writes inspections into the database.  All that wait are one transaction, so that
 * many share one wait for the disk.  done of each is called after the commit. */
#ifndef FLECK_SERVE_JOURNAL_H
#define FLECK_SERVE_JOURNAL_H

#include "db.h"

typedef struct sv_journal sv_journal;

/* The status of a watched folder's file when it was judged. */
typedef struct sv_judged_file {
    int64_t source;
    const char *path, *hash; /* relative to the folder, as UTF-8; hash "": the file was not read */
    int64_t device, inode, size, mtime; /* mtime in nanoseconds */
} sv_judged_file;

/* An inspection.  Texts and JSON are borrowed until done is called. */
typedef struct sv_record {
    int64_t id; /* set before done is called; 0: could not be written */
    int64_t product, model;
    char time[SV_TIME];
    const char *digest, *source, *name, *hash, *verdict, *error, *picture;
    int64_t width, height;
    double score, ratio, threshold, above; /* NaN: none */
    double level;                          /* above which the map was outlined; NaN: none */
    unsigned unlike;
    json_t *regions, *warnings, *timings;
    const sv_judged_file
        *seen; /* NULL, or a file that this judges: written in the same transaction */
    /* Called on the journal's thread; err says why id is 0. */
    void (*done)(struct sv_record *record, void *ctx, const fleck_error *err);
    void *ctx;
    struct sv_record *next;
} sv_record;

sv_journal *sv_journal_open(const char *database, fleck_error *err);
/* Write what waits, then end. */
void sv_journal_close(sv_journal *j);
void sv_journal_add(sv_journal *j, sv_record *record);

#endif
