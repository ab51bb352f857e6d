/* The settings of a fit.  One table has their defaults, checks and flags of the command line with
 * help, and says which of them a run of a benchmark may set. */
#ifndef FK_FIT_SETTINGS_H
#define FK_FIT_SETTINGS_H

#include "base/option.h"

/* Where a setting is legal beside `fleck fit`. */
enum { FK_IN_BENCH = 1, FK_IN_RUN = 2 };

typedef struct fk_setting {
    fk_option option;    /* initial NULL: 0 or NULL, and help says what that means */
    size_t offset, size; /* of its member of fleck_fit_settings; for SIZE of two members */
    const char *value;   /* its placeholder in help; NULL: that of the option */
    const char *group;   /* heading in help; "": the common settings */
    int where;           /* FK_IN_BENCH, FK_IN_RUN */
    char letter;         /* 'm' for -m, 0: none */
    bool list;           /* TEXT: any number of them, ended by NULL */
    bool filled;         /* CHOICE, TEXT: NULL is not legal */
    const char *instead; /* two settings that exclude it: "size,crop" */
    const char *with;    /* a setting that must not be 0 if this one is given */
} fk_setting;

/* The table; the last row has name NULL. */
extern const fk_setting fk_settings[];

fleck_fit_settings fk_fit_defaults(void);

/* The row of the setting called name, or NULL. */
const fk_setting *fk_setting_find(const char *name);
/* Set the setting called name from text, which is borrowed.
 *   FLECK_E_OPTION       no such setting, or an illegal value; *s is unchanged
 *   FLECK_E_UNSUPPORTED  a list */
fleck_status fk_fit_set(fleck_fit_settings *s, const char *name, const char *text,
                        fleck_error *err) FLECK_MUST_CHECK;
/* Whether the setting called name, which exists, was set by fk_fit_set(). */
bool fk_fit_given(const fleck_fit_settings *s, const char *name);

/* Check all of s against the table, then fk_fit_check_given().  FLECK_E_OPTION names the
 * setting. */
fleck_status fk_fit_check(const fleck_fit_settings *s, fleck_error *err) FLECK_MUST_CHECK;
/* Check that the given settings do not exclude each other. */
fleck_status fk_fit_check_given(const fleck_fit_settings *s, fleck_error *err) FLECK_MUST_CHECK;

#endif
