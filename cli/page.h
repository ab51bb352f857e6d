/* SPDX-License-Identifier: Apache-2.0 */
/* The page of fleck predict --html: its data until it is written. */
#ifndef FLECK_CLI_PAGE_H
#define FLECK_CLI_PAGE_H

#include "cli.h"

#include <pthread.h>

/* Longer side of a picture on the page, in pixels, and most regions that its table has. */
enum { PAGE_PICTURE = 800, PAGE_REGIONS = 12 };

/* A scored part that is listed. */
typedef struct page_part {
    char *path;
    int64_t number; /* among the listed parts, in their order */
    double score, limit;
    bool defective;
    int64_t width, height; /* of its image */
    int64_t regions;       /* -1: there is no pixel threshold */
    /* NULL unless its picture is shown. */
    unsigned char *jpeg;
    size_t jpeg_size;
    fleck_region *list; /* the first of its regions, without outlines */
    int64_t n_list;
} page_part;

/* A picture that may be shown: drawn on any thread, then passed to results_page_add(). */
typedef struct page_picture {
    unsigned char *jpeg; /* NULL: the part is not among the worst */
    size_t size;
} page_picture;

typedef struct page_failure {
    char *path, *message;
} page_failure;

/* Valid when zeroed: no page.  It has the pictures of the worst `most` parts and the figures of
 * every part. */
typedef struct results_page {
    const char *path; /* NULL: no page */
    int64_t most;     /* pictures */
    const fleck_picture_settings *picture;
    double mm_per_px;    /* NaN: unknown */
    bool only_defective; /* good parts are counted, not listed */
    double limit;        /* NaN: none */
    page_part *parts;    /* [count] */
    int64_t count, room;
    int64_t *shown; /* [n_shown] indices of parts, the worst first */
    int64_t n_shown;
    page_failure *failures;
    int64_t n_failures, failures_room;
    double *scores; /* [n_scores], of all parts */
    bool *verdicts; /* [n_scores] defective */
    int64_t n_scores, scores_room;
    pthread_mutex_t lock; /* of shown and the parts in it */
} results_page;

/* Begin the page; false: an error was printed, since it cannot or must not be written. */
bool results_page_begin(results_page *p, bool overwrite);
/* Draw the part's picture if it is among the worst so far, on any thread; r has the final
 * verdict. */
fleck_status results_page_draw(results_page *p, const fleck_model *model, const fleck_result *r,
                               page_picture *out, fleck_error *err);
/* Add a part, in order, on one thread.  The picture is moved.  regions NULL: there is no pixel
 * threshold.  A part that is not listed is only counted. */
void results_page_add(results_page *p, const char *path, const fleck_result *r,
                      const fleck_regions *regions, page_picture *picture, bool listed);
void results_page_fail(results_page *p, const char *path, const char *message);
/* Write the page; returns the exit code. */
int results_page_write(results_page *p, const fleck_model *model, const char *model_path);
void results_page_free(results_page *p);

/* Order of parts: the worse part first, defective, then by score; equal ones by their number. */
int page_part_compare(const page_part *a, const page_part *b);

/* Print the page, whose parts are sorted (predict_html.c). */
void page_html(FILE *to, const results_page *p, const fleck_model_info *info,
               const char *model_path);
/* Print the histogram of all scores, with the limit as a line (predict_chart.c). */
void page_chart(FILE *to, const results_page *p);

/* What else is done with parts, beside their line of output (predict_outcome.c). */
typedef struct outcome {
    const char *copies; /* folder for copies of defective parts' files; NULL: none */
    bool only_defective, fail_on_defect;
    results_page page; /* freed by its own function */
} outcome;

/* Read --html, --html-pictures, --show, --copy-defective and --fail-on-defect.  False: an error was
 * printed. */
bool outcome_read(outcome *o, const args *a, const fleck_picture_settings *picture,
                  double mm_per_px);
/* Whether files are written for single parts. */
bool outcome_writes(const outcome *o);
/* Whether a part is printed, drawn and listed; r has the final verdict. */
bool outcome_shows(const outcome *o, const fleck_result *r);
/* Print an error and return EXIT_USAGE if an option needs verdicts and there is no threshold. */
int outcome_check(const outcome *o, double threshold);
/* Check that a copy of image may be written; false: an error was printed. */
bool outcome_copy_free(const outcome *o, const file_set *inputs, const char *image, bool overwrite);
/* Draw and copy a part that is shown, on any thread.  err is empty if the error was printed. */
fleck_status outcome_of_part(outcome *o, const fleck_model *model, const char *image,
                             const fleck_result *r, page_picture *picture, fleck_error *err);

#endif
