/* What all forms of a benchmark's report are made of: sections of a title, a note and a table. */
#ifndef FK_PIPELINE_BENCH_REPORT_H
#define FK_PIPELINE_BENCH_REPORT_H

#include "pipeline/bench.h"
#include "pipeline/published.h"
#include "render/table.h"

typedef struct fk_bench_section {
    char *title, *note; /* note may be NULL */
    fk_table table;
} fk_bench_section;

/* Valid when zeroed; owned. */
typedef struct fk_bench_sections {
    fk_bench_section *items;
    int64_t count, room;
} fk_bench_sections;

void fk_bench_sections_free(fk_bench_sections *s);

/* All sections of book; wide: published figures have columns of their own, and there are tables of defect types,
 * costs and conditions. */
fleck_status fk_bench_sections_make(fk_bench_sections *out, const fk_bench_book *book, bool wide,
                                    fleck_error *err) FLECK_MUST_CHECK;

/* What the figures do not show, in plain words; NULL behind the last. */
extern const char *const fk_bench_limits[];

#endif
