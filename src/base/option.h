/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: one description serves the command line, --help, validation and the model file. */
#ifndef FK_BASE_OPTION_H
#define FK_BASE_OPTION_H

#include "base/json.h"

typedef enum fk_option_kind {
    FK_OPTION_INT,    /* integer in [min, max] */
    FK_OPTION_REAL,   /* finite number in [min, max] */
    FK_OPTION_CHOICE, /* one of the words in choices, separated by '|'; a word that ends in ":"
                         takes a text behind the colon ("list:FILE") */
    FK_OPTION_TEXT,   /* any text */
    FK_OPTION_SHARE,  /* number above 0 and below 1, as 0.02 or 2% */
    FK_OPTION_BYTES,  /* as 600M or 2G; stored as an integer */
    FK_OPTION_SIZE,   /* sides in [min, max], "WxH" or one number for both; stored as "WxH" */
    FK_OPTION_FLAG    /* "true" or "false" */
} fk_option_kind;

/* One option; a table ends with name NULL. */
typedef struct fk_option {
    const char *name; /* "k-image": the flag without its dashes */
    fk_option_kind kind;
    const char *initial; /* default as text */
    double min, max;     /* for INT, REAL and SIZE */
    const char *choices; /* for CHOICE; for INT and SIZE NULL, or words in place of numbers */
    const char *absent;  /* its value for files older than the option; NULL: initial */
    bool after_fit;      /* can still be changed when a model is opened for scoring */
    const char *help;    /* one line: meaning, unit, source */
} fk_option;

#define FK_OPTION_BUFFER 64

/* The values of one table, each as canonical text.  Valid when zeroed. */
typedef struct fk_options {
    const fk_option *table;
    char **values; /* one per row of table; owned */
} fk_options;

/* Check text against its row: *canonical becomes the text to store, which is text itself or lies in
 * buffer.  FLECK_E_OPTION names the option, what it expects and what was given. */
fleck_status fk_option_check(const fk_option *row, const char *text, char buffer[FK_OPTION_BUFFER],
                             const char **canonical, fleck_error *err) FLECK_MUST_CHECK;

/* Fill out with table's defaults, which must be legal (asserted). */
fleck_status fk_options_init(fk_options *out, const fk_option *table,
                             fleck_error *err) FLECK_MUST_CHECK;
void fk_options_free(fk_options *o);

/* Index of the row called name, -1 if there is none. */
int fk_option_find(const fk_option *table, const char *name);

/* Check text against the row and store it.  A number is stored in its shortest spelling, so that
 * "0.50" and "5e-1" are the same value.  The decimal point is a point in every locale.
 * FLECK_E_OPTION names the option, what it expects and what was given; the old value stays. */
fleck_status fk_options_set(fk_options *o, const char *name, const char *text,
                            fleck_error *err) FLECK_MUST_CHECK;

/* The same from "name=value".  opened: a model is being opened, so that only options marked
 * after_fit may be set. */
fleck_status fk_options_set_pair(fk_options *o, const char *pair, bool opened,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* Values of rows that exist (asserted). */
int64_t fk_options_int(const fk_options *o, const char *name);
double fk_options_real(const fk_options *o, const char *name);
const char *fk_options_text(const fk_options *o, const char *name);

/* Write an object {name: text or number}, and read it.  Members replace values; a row with an
 * `absent` gets that value if its member is missing; unknown names and bad values are refused and
 * leave o as it was. */
fleck_status fk_options_to_json(fk_json **out, const fk_options *o,
                                fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_options_from_json(fk_options *o, const fk_json *object,
                                  fleck_error *err) FLECK_MUST_CHECK;

#endif
