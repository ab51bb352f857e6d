/* Lists of images in folders: what is there, and what is passed over. */
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
    FK_PASSED_OWN,        /* pictures that fleck drew */
    FK_PASSED_OUTPUT,     /* the folder of what is written now */
    FK_PASSED_LOOP,       /* a link to a folder above the searched one */
    FK_PASSED_AGAIN,      /* a link to a folder that was searched before, or is being */
    FK_PASSED_CLOSED,     /* a sub-folder that was not to be searched and cannot be listed */
    FK_PASSED_HIDDEN_SUB, /* a folder whose name begins with a dot */
    FK_PASSED_OTHER,      /* files that are no images */
} fk_passed_why;

typedef struct fk_passed {
    fk_passed_why why;
    char *what;  /* "" unless said above */
    char *first; /* path of the first of them */
    int64_t count;
} fk_passed;

/* Images found so far.  Valid when zeroed; owned. */
typedef struct fk_listing {
    fk_names paths;  /* images, and what could not be looked at: who reads it learns why */
    fk_names broken; /* a message for each folder to be searched that could not be listed */
    fk_passed *passed;
    int64_t n_passed, passed_room;
    struct fk_folder_id *seen; /* folders, as a hash table */
    int64_t n_seen, seen_room;
} fk_listing;

void fk_listing_free(fk_listing *l);

/* Add the images of folder in natural order of name; recursive: with all below it, each folder
 * once, however many links lead to it, and none that folder lies in.  Nothing is dropped without a
 * trace: what is not in paths is in passed or broken.  Hidden files, and hidden folders below, are
 * passed over.
 *
 * look is asked about every file.  A link that leads nowhere, a file that cannot be opened: in
 * paths.
 *   FLECK_E_NOTFOUND, FLECK_E_IO  folder itself cannot be listed; l holds a part */
fleck_status fk_listing_add(fk_listing *l, const char *folder, bool recursive, fk_look_fn *look,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Folder (which may be absent) is written into: no later call searches it. */
fleck_status fk_listing_leave_out(fk_listing *l, const char *folder,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* Count what `from` passed over in l as well. */
fleck_status fk_listing_merge(fk_listing *l, const fk_listing *from,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Images among what was passed over. */
int64_t fk_listing_passed(const fk_listing *l);
/* "5 in sub/ (--recursive), 1 WebP, 2 other files"; "" where nothing was.  Free with fk_free(). */
fleck_status fk_listing_text(char **out, const fk_listing *l, fleck_error *err) FLECK_MUST_CHECK;

#endif
