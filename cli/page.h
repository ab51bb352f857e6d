/* The page of fleck predict --html: what is kept of each part until it is written. */
#ifndef FLECK_CLI_PAGE_H
#define FLECK_CLI_PAGE_H

#include "cli.h"

#include <pthread.h>

/* Longer side of a picture on the page, in pixels, and most regions that its table has. */
enum { PAGE_PICTURE = 800, PAGE_REGIONS = 12 };

/* A part that was scored and is listed. */
typedef struct page_part {
    char *path;
    int64_t number; /* of those listed, in their order */
    double score, limit;
    bool defective;
    int64_t width, height; /* of its image */
    int64_t regions;       /* -1: there is no pixel threshold */
    /* Of one whose picture is shown, else NULL. */
    unsigned char *jpeg;
    size_t jpeg_size;
    fleck_region *list; /* the first of its regions, without outlines */
    int64_t n_list;
} page_part;

/* A picture that may be shown: drawn on any thread, then given to results_page_add(). */
typedef struct page_picture {
    unsigned char *jpeg; /* NULL: the part is not among the worst */
    size_t size;
} page_picture;

typedef struct page_failure {
    char *path, *message;
} page_failure;

/* Valid when zeroed, which is no page.  Memory holds the pictures of the worst `most` parts and
 * some words of every part. */
typedef struct results_page {
    const char *path; /* NULL: no page */
    int64_t most;     /* pictures */
    const fleck_picture_settings *picture;
    double mm_per_px;    /* NaN: unknown */
    bool only_defective; /* good parts are counted, not listed */
    double limit;        /* NaN: none */
    page_part *parts;    /* [count] */
    int64_t count, room;
    int64_t *shown; /* [n_shown] places in parts, the worst first */
    int64_t n_shown;
    page_failure *failures;
    int64_t n_failures, failures_room;
    double *scores; /* [n_scores], of all parts */
    bool *verdicts; /* [n_scores] defective */
    int64_t n_scores, scores_room;
    pthread_mutex_t lock; /* of shown and what it leads to */
} results_page;

/* False, and an error printed, where the page cannot or must not be written. */
bool results_page_begin(results_page *p, bool overwrite);
/* Draw the part's picture if it is, as far as known, among the worst.  Any thread; r as it is
 * judged. */
fleck_status results_page_draw(results_page *p, const fleck_model *model, const fleck_result *r,
                               page_picture *out, fleck_error *err);
/* Parts come in their order, on one thread.  The picture is taken over.  regions NULL: there is no
 * pixel threshold.  A part that is not listed is counted. */
void results_page_add(results_page *p, const char *path, const fleck_result *r,
                      const fleck_regions *regions, page_picture *picture, bool listed);
void results_page_fail(results_page *p, const char *path, const char *message);
/* Write it; the code to exit with. */
int results_page_write(results_page *p, const fleck_model *model, const char *model_path);
void results_page_free(results_page *p);

/* The worse part first: defective, then by score; of equal ones the first. */
int page_part_compare(const page_part *a, const page_part *b);

/* All of the page, whose parts are in order (predict_html.c). */
void page_html(FILE *to, const results_page *p, const fleck_model_info *info,
               const char *model_path);
/* The histogram of all scores, with the limit as a line (predict_chart.c). */
void page_chart(FILE *to, const results_page *p);

/* What becomes of parts beside their line (predict_outcome.c). */
typedef struct outcome {
    const char *copies; /* folder for files of defective parts; NULL: none */
    bool only_defective, fail_on_defect;
    results_page page; /* freed by its own function */
} outcome;

/* --html, --html-pictures, --show, --copy-defective, --fail-on-defect.  False: error printed. */
bool outcome_read(outcome *o, const args *a, const fleck_picture_settings *picture,
                  double mm_per_px);
/* Whether something is written of single parts. */
bool outcome_writes(const outcome *o);
/* Whether a part is printed, drawn and listed; r as it is judged. */
bool outcome_shows(const outcome *o, const fleck_result *r);
/* EXIT_USAGE, and an error printed, where something rests on verdicts and there are none. */
int outcome_check(const outcome *o, double threshold);
/* False, and an error printed, where the copy that image may get must not be written. */
bool outcome_copy_free(const outcome *o, const file_set *inputs, const char *image, bool overwrite);
/* Draw and copy a part that is shown; any thread.  err is empty where the error is printed
 * already. */
fleck_status outcome_of_part(outcome *o, const fleck_model *model, const char *image,
                             const fleck_result *r, page_picture *picture, fleck_error *err);

#endif
