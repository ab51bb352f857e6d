/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of images in folders, and of the entries skipped there. */
#ifndef FK_DATASET_LISTING_H
#define FK_DATASET_LISTING_H

#include "base/file.h"
#include "base/look.h"

typedef enum fk_passed_why {
    FK_PASSED_NOT,
    /* Images: */
    FK_PASSED_SUB,    /* in a sub-folder, which was not searched; what: its name */
    FK_PASSED_FORMAT, /* of a format that is not read; what: its name */
    FK_PASSED_HIDDEN, /* the name begins with a dot */
    /* Others: */
    FK_PASSED_OWN,        /* pictures that fleck wrote */
    FK_PASSED_OUTPUT,     /* the folder of this call's output */
    FK_PASSED_LOOP,       /* a link to a folder above */
    FK_PASSED_AGAIN,      /* a link to a folder that is searched already */
    FK_PASSED_CLOSED,     /* a sub-folder that is not searched and cannot be listed */
    FK_PASSED_HIDDEN_SUB, /* a folder of the system's, or one that begins with a dot */
    FK_PASSED_OTHER,      /* files that are not images */
} fk_passed_why;

typedef struct fk_passed {
    fk_passed_why why;
    char *what;  /* "" unless said above */
    char *first; /* path of the first */
    int64_t count;
} fk_passed;

/* The images found so far.  Valid when zeroed; owned. */
typedef struct fk_listing {
    fk_names paths;  /* images, and files that could not be read */
    fk_names broken; /* a message for each folder that could not be listed */
    fk_passed *passed;
    int64_t n_passed, passed_room;
    struct fk_folder_id *seen; /* hash table of folders */
    int64_t n_seen, seen_room;
    fk_watch *watch; /* borrowed; NULL, or told of the entries of folders */
} fk_listing;

void fk_listing_free(fk_listing *l);

/* Add the images of folder in natural order of name.  recursive: search all folders below it too,
 * each once however many links lead to it, but no folder above it.  Every entry is in paths, passed
 * or broken.  Hidden files and hidden folders below it are skipped.
 *
 * look decides about every file.  A link that leads nowhere and a file that cannot be opened are
 * added to paths.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  folder itself cannot be listed; l holds a part
 *   FLECK_E_CANCELLED             likewise */
fleck_status fk_listing_add(fk_listing *l, const char *folder, bool recursive, fk_look_fn *look,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Exclude folder, which may be absent, from all later searches, since output is written into it. */
fleck_status fk_listing_leave_out(fk_listing *l, const char *folder,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* Add the skipped entries of `from` to those of l. */
fleck_status fk_listing_merge(fk_listing *l, const fk_listing *from,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Number of images that were skipped. */
int64_t fk_listing_passed(const fk_listing *l);
/* "5 in sub/ (--recursive), 1 WebP, 2 other files"; "" if nothing was skipped.  Free with
 * fk_free(). */
fleck_status fk_listing_text(char **out, const fk_listing *l, fleck_error *err) FLECK_MUST_CHECK;

#endif
