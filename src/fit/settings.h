/* The settings of a fit, each one row of a table: defaults, the setter by name, checks, flags of
 * the command line with their help, and what a benchmark's run may say. */
#ifndef FK_FIT_SETTINGS_H
#define FK_FIT_SETTINGS_H

#include "base/option.h"

/* Who takes a setting beside `fleck fit`. */
enum { FK_IN_BENCH = 1, FK_IN_RUN = 2 };

typedef struct fk_setting {
    fk_option option;    /* initial NULL: 0 or NULL, and help says what that means */
    size_t offset, size; /* of its member of fleck_fit_settings, of SIZE of two */
    const char *value;   /* its placeholder in help; NULL: that follows from the option */
    const char *group;   /* heading in help; "": the common ones */
    int where;           /* FK_IN_BENCH, FK_IN_RUN */
    char letter;         /* 'm' for -m, 0: none */
    bool list;           /* TEXT: any number of them, ended by NULL */
    bool filled;         /* CHOICE, TEXT: NULL is not legal */
    const char *instead; /* two settings that may not be given beside it: "size,crop" */
    const char *with;    /* setting that must not be 0 where it is given */
} fk_setting;

/* The table, which ends with name NULL. */
extern const fk_setting fk_settings[];

fleck_fit_settings fk_fit_defaults(void);

/* The row of the setting called name, NULL where there is none. */
const fk_setting *fk_setting_find(const char *name);
/* The setting called name from text, which is borrowed.
 *   FLECK_E_OPTION       no such setting; a value that it does not take: *s is as it was
 *   FLECK_E_UNSUPPORTED  a list */
fleck_status fk_fit_set(fleck_fit_settings *s, const char *name, const char *text,
                        fleck_error *err) FLECK_MUST_CHECK;
/* Whether the setting called name, which exists, was set by fk_fit_set(). */
bool fk_fit_given(const fleck_fit_settings *s, const char *name);

/* Check all of s against the table, then what was given against each other.  FLECK_E_OPTION names
 * the setting. */
fleck_status fk_fit_check(const fleck_fit_settings *s, fleck_error *err) FLECK_MUST_CHECK;
/* The latter alone. */
fleck_status fk_fit_check_given(const fleck_fit_settings *s, fleck_error *err) FLECK_MUST_CHECK;

#endif
