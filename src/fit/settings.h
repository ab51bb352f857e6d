/* The settings of a fit, each one row of a table: defaults, the setter by name, checks, flags of the
 * command line with their help, and what a benchmark's run may say. */
#ifndef FK_FIT_SETTINGS_H
#define FK_FIT_SETTINGS_H

#include "base/error.h"

typedef enum fk_setting_kind {
    FK_SETTING_INT,    /* int or int64_t in [min, max] */
    FK_SETTING_REAL,   /* double in [min, max] */
    FK_SETTING_SHARE,  /* double above 0 and below 1, as 0.02 or 2% */
    FK_SETTING_BYTES,  /* int64_t, as 600M or 2G; 0: no limit */
    FK_SETTING_SIZE,   /* two int64_t in [min, max], "WxH" or one number for both; 0x0: none */
    FK_SETTING_FLAG,   /* bool */
    FK_SETTING_CHOICE, /* one of the words in value, separated by '|' */
    FK_SETTING_TEXT,   /* any text, which is checked where it is used */
    FK_SETTING_LIST    /* texts, ended by NULL */
} fk_setting_kind;

/* Who takes a setting beside `fleck fit`. */
enum { FK_IN_BENCH = 1, FK_IN_RUN = 2 };

typedef struct fk_setting {
    const char *name; /* "long-side": the flag without its dashes */
    fk_setting_kind kind;
    size_t offset, size; /* of its member of fleck_fit_settings */
    char letter;         /* 'm' for -m, 0: none */
    const char *value;   /* its placeholder in help; of CHOICE the words */
    const char *initial; /* default as text; NULL: 0 or NULL, and help says what that means */
    double min, max;     /* of INT, REAL and SIZE */
    const char *word;    /* in place of a number: of INT max, of SIZE 0x0; NULL: none */
    bool zero;           /* INT: 0 is legal below min too */
    bool filled;         /* CHOICE, TEXT: NULL is not legal */
    const char *instead; /* settings that may not be given beside it, separated by commas */
    const char *with;    /* setting that must not be 0 where it is given */
    int where;           /* FK_IN_BENCH, FK_IN_RUN */
    const char *group;   /* heading in help; "": the common ones */
    const char *help;    /* one line */
} fk_setting;

/* The table, which ends with name NULL. */
extern const fk_setting fk_settings[];

fleck_fit_settings fk_fit_defaults(void);

/* The setting called name from text, which is borrowed.
 *   FLECK_E_OPTION       no such setting; a value that it does not take: *s is as it was
 *   FLECK_E_UNSUPPORTED  a list */
fleck_status fk_fit_set(fleck_fit_settings *s, const char *name, const char *text,
                        fleck_error *err) FLECK_MUST_CHECK;
/* The row of the setting called name, NULL where there is none. */
const fk_setting *fk_setting_find(const char *name);
/* Whether the setting called name, which exists, was set by fk_fit_set(). */
bool fk_fit_given(const fleck_fit_settings *s, const char *name);

/* Check all of s against the table, then what was given against each other.  FLECK_E_OPTION names the
 * setting. */
fleck_status fk_fit_check(const fleck_fit_settings *s, fleck_error *err) FLECK_MUST_CHECK;
/* The latter alone. */
fleck_status fk_fit_check_given(const fleck_fit_settings *s, fleck_error *err) FLECK_MUST_CHECK;

#endif
