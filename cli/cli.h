/* The command-line tool: what its commands share.  It uses fleck.h and nothing under src/. */
#ifndef FLECK_CLI_H
#define FLECK_CLI_H

#include "fleck_tools.h"

#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DEFECTIVE = 3 };

/* ---- Arguments (args.c) ---- */

/* One flag; a table ends with name NULL.  In --help the common ones come first, the others below
 * GROUP rows. */
typedef struct flag {
    const char *name;  /* "threads" for --threads */
    char letter;       /* 'o' for -o, 0 for none */
    const char *value; /* placeholder of its value in --help, NULL for a switch */
    const char *help;
} flag;
#define GROUP(title)                                                                               \
    {                                                                                              \
        "", 0, NULL, title                                                                         \
    }

struct args;
typedef struct command {
    const char *name;
    const char *usage;   /* behind the name: "DIR -o MODEL [options]" */
    const char *summary; /* one line */
    const char *example; /* behind "fleck " */
    const char *details; /* text at the end of --help, NULL for none */
    const flag *flags;
    char settings; /* 'f' also every setting of a fit, 'b' those that fit and bench share, 0 none */
    char method_options; /* 'f' also every method's options, 'r' those that may change after a fit,
                            0 none */
    int min_words, max_words; /* positional arguments; max -1: any number */
    int (*run)(const struct args *a);
} command;

/* What was given.  Texts are borrowed from argv. */
typedef struct args {
    const command *cmd;
    const char **words; /* positional */
    int n_words;
    /* one per row of the command's table; "" for a switch that was given, NULL if not */
    const char **values;
    const char **given; /* [argc] by argument: the value of a flag that was read there, or NULL */
    int *rows;          /* [argc] and its row */
    int argc;           /* all of it, behind the command's name */
    char **argv;
    const char **pairs; /* method options given, "name=value" (owned) and NULL at the end */
    int n_pairs;
} args;

/* Parse argv (behind the command's name).  False: a usage error was printed. */
bool args_parse(args *out, const command *cmd, int argc, char **argv);
void args_free(args *a);
/* Whether --name is an option of the command. */
bool command_takes(const command *cmd, const char *name);
/* The first command with such an option (main.c), NULL: none. */
const command *find_command_with(const char *name);
/* Whether --help is among argv. */
bool args_want_help(int argc, char **argv);
/* Print --help, with the options of the method that argv names, if it does; the code to exit
 * with. */
int args_help(const command *cmd, int argc, char **argv);

/* Value of a flag of the table, NULL if not given. */
const char *args_get(const args *a, const char *name);
bool args_has(const args *a, const char *name);
/* Every value of a flag that may be given several times, in order, and NULL; to be freed (the list,
 * not the texts). */
const char **args_list(const args *a, const char *name);
/* Integer in [min, max] into *out, unchanged where the flag was not given; false: error printed. */
bool args_int(const args *a, const char *name, int64_t min, int64_t max, int64_t *out);
bool args_real(const args *a, const char *name, double min, double max, double *out);
/* A share above 0 and below 1, as 0.02 or 2%. */
bool args_rate(const args *a, const char *name, double *out);
/* Bytes: a number above 0 and K, M, G or T of 1024, 1024^2, .. */
bool args_bytes(const args *a, const char *name, int64_t *out);
/* "WxH", or where none is true also "none" as 0x0. */
bool args_size(const args *a, const char *name, bool none, int64_t *width, int64_t *height);
/* --ignore and --only, to be freed. */
typedef struct area_lists {
    const char **ignore, **only;
} area_lists;
area_lists args_areas(const args *a);
void area_lists_free(area_lists *l);
/* What is said of the share of photos that is never looked at, 0: nothing; in front of it
 * `before`. */
void print_outside(const char *before, const fleck_model_info *info);
/* The settings of a fit that were given, and where weights lie, to be freed; NULL: error
 * printed. */
fleck_settings *args_fit(const args *a);

/* Print "fleck: message" to stderr; returns EXIT_USAGE or EXIT_FAILED. */
int usage_error(const char *format, ...) FLECK_PRINTF(1, 2);
/* The same of an option that takes one of two words, and got none of them. */
int word_error(const char *option, const char *one, const char *other, const char *got);
int failed(const fleck_error *err);
/* The same with "path: " in front, unless the message names it. */
int failed_at(const char *path, const fleck_error *err);

/* The ending of a noun behind n. */
const char *plural(int64_t n);
/* Text with what would break a line or a field as \t, \n, \r, \\ and \xHH. */
void print_escaped(FILE *to, const char *text);
/* "fleck: message" on stderr, on one line. */
void print_message(const char *message);
/* The same with "warning: " in front. */
void print_warning(const char *message);

/* Allocate or end the program: the tool, unlike the library, may. */
void *need(void *block);

/* ---- Processors (alone.c) ---- */

/* Undo what kept the BLAS from starting threads.  To be called first. */
void use_all_processors(void);

/* ---- Environment (home.c) ---- */

/* Where temporary files go: $TMPDIR, else the folder of the file to be written.  Static storage. */
const char *scratch_folder(const char *output);
/* The same of a command that has no output: $TMPDIR, /var/tmp or /tmp. */
const char *temporary_folder(void);

/* $FLECK_HOME, else $XDG_DATA_HOME/fleck, else ~/.local/share/fleck.  Static storage. */
const char *home_folder(void);
/* Where weights are read that home_folder() has not: ../share/fleck seen from the tool's own folder
 * if that has any, as in the build tree and below a prefix, else the same of the prefix it was
 * built for.  Static storage. */
const char *shared_home_folder(void);

/* ---- Outputs (outputs.c) ---- */

/* Whether two paths name one file or folder. */
bool same_file(const char *a, const char *b);
/* False, and an error printed, where output (of the flag named) is one of the inputs, which may be
 * NULL. */
bool output_apart(const char *option, const char *output, const char *const *inputs, int n);
/* False, and an error printed, where something is there that fleck did not write of this kind, of
 * this image (NULL: any), unless it is to be overwritten; the image itself never is. */
bool output_free(const char *path, fleck_output_kind kind, const char *image, bool overwrite);
/* The same, or where path cannot be written. */
bool output_ready(const char *path, fleck_output_kind kind, const char *image, bool overwrite);
/* Files by device and inode: all inputs of a call, which no output may be.  Valid when zeroed. */
typedef struct file_id {
    uint64_t device, inode;
    bool used;
} file_id;
typedef struct file_set {
    file_id *items; /* [room], a power of 2 */
    size_t room, count;
} file_set;

/* Add the file at path, if there is one. */
void file_set_add(file_set *s, const char *path);
/* False, and an error printed, where output is one of them. */
bool file_set_apart(const file_set *s, const char *output);
void file_set_free(file_set *s);

/* folder/fleck_output_name(image), to be freed; NULL: error printed. */
char *output_path(const char *folder, const char *image, const char *ending);

/* ---- Signals (interrupt.c) ---- */

/* From now on the first Ctrl-C, SIGTERM or SIGHUP only makes interrupted() true; the next ends the
 * process. progress_begin() calls it, and progress_show() stops what runs. */
void interrupt_begin(void);
bool interrupted(void);
/* End by the signal that came, if one did. */
void interrupt_end(void);

/* ---- Progress (progress.c) ---- */

/* Shows "stage done/total rate left" on stderr where that is a terminal; nothing otherwise. */
typedef struct progress {
    bool shown, drawn;
    double start, last; /* of the stage at hand, which was `begun` steps on then */
    char stage[32];
    int64_t begun, done;
    char prefix[256]; /* shown in front of the stage */
} progress;

progress progress_begin(void);
/* Seconds of a clock that only goes forward. */
double progress_seconds(void);
bool progress_show(void *ctx, const char *stage, int64_t done, int64_t total);
void progress_end(progress *p);
/* A fleck_warning: ends the progress line (ctx: a progress, or NULL) and prints
 * "fleck: warning: message" to stderr. */
void show_warning(void *ctx, const char *message);

/* ---- Lists of image files (paths.c) ---- */

typedef struct path_list {
    fleck_images *found;
    const char **paths; /* [count] found's */
    int64_t count, broken;
} path_list;

typedef struct path_rules {
    bool zeros;               /* paths on standard input end in a zero byte instead of a line end */
    const char *leave_out[2]; /* folders that are not searched, or NULL */
} path_rules;

/* Files as they are; folders searched with what is below them; "-": paths from standard input, one
 * a line.  l is zeroed.  False: error printed.  l->broken folders could not be listed. */
bool path_list_read(path_list *l, const char *const *words, int n, const path_rules *rules);
/* Print what could not be listed, and where anything was passed over a line: so many were `what`
 * ("scored"), of how many, and which not. */
void path_list_tell(const path_list *l, const char *what, int64_t done);
void path_list_free(path_list *l);
/* Print that standard input holds a zero byte; EXIT_USAGE. */
int path_zero_error(void);
/* Make the folder part of path.  False: error printed. */
bool make_parent(const char *path);

/* ---- Thresholds (thresholds.c) ---- */

/* A model's held-out scores; text belongs to the model. */
typedef struct held_scores {
    fleck_model_info info;
    int64_t n;              /* 0: none are known */
    fleck_held_out *photos; /* [n] */
    double *alone;          /* [n] */
    bool has_group;
} held_scores;

held_scores held_read(const fleck_model *model);
void held_free(held_scores *h);
/* How many scores, alone or by group, are above the threshold. */
int64_t held_above(const held_scores *h, bool group, double threshold);
/* Held-out photos that a rate of false alarms takes. */
int64_t photos_for(double rate);
/* Where the threshold comes from and what it promises, without a line end. */
void print_promise(FILE *to, const fleck_model_info *i);
/* A line with the photos whose scores lie far above all others, where there are such. */
void print_odd(FILE *to, const held_scores *h);
/* How images taken together were told apart: "day", "runs of neighbours". */
const char *groups_text(const fleck_model_info *i);
/* A warning where photos held out with all of their group break the promise clearly. */
void tell_groups(const held_scores *h);

typedef struct labelled_score {
    double score;
    bool defective;
} labelled_score;
/* A threshold, and what it does to labelled images: found of defective, rejected of good. */
typedef struct cut {
    double threshold;
    int64_t good, defective, rejected, found;
} cut;
typedef enum cut_goal {
    CUT_YOUDEN, /* share found less share rejected */
    CUT_F1,
    CUT_COST, /* the least of misses, times their cost, and false alarms */
    CUT_NO_MISS,
    CUT_NO_FALSE_ALARM
} cut_goal;
/* The threshold that does best, in the middle between two scores; of equal ones the highest.  Sorts
 * s.  False, and a threshold that is NaN: good or defective images are missing. */
bool choose_cut(cut *out, labelled_score *s, int64_t n, cut_goal goal, double miss_cost);
cut judge_cut(const labelled_score *s, int64_t n, double threshold);

/* ---- Reports (report.c) ---- */

typedef struct report_labels {
    const char *method, *backbone, *precision, *protocol, *options; /* options: JSON text */
    double threshold;                                               /* the verdicts' */
    bool set;      /* it was given, and is not the model's */
    cut hindsight; /* what these images would have liked; its threshold is NaN where unknown */
} report_labels;

/* What one test image got. */
typedef struct score_row {
    char *path, *type;
    const char *name; /* the path below the data's folder */
    bool defective, scored;
    double score;
    unsigned unlike; /* as in fleck_result */
} score_row;

/* In what a photo is unlike the learned ones, in words with spaces between. */
void print_unlike(FILE *to, unsigned unlike);
void report_print(const fleck_report *r, const report_labels *l);
/* One JSON object on stdout; rows NULL: without scores.  False: out of memory. */
bool report_json(const fleck_report *r, const report_labels *l, const score_row *rows, int64_t n);
/* What regions are measured against. */
typedef struct region_scale {
    const fleck_regions *regions;
    double mm_per_px; /* NaN: unknown */
} region_scale;

double region_percent(const fleck_region *r, const region_scale *s);
double region_mm2(const fleck_region *r, const region_scale *s); /* NaN where unknown */

/* What stands in a result's JSON line beside score and verdict; a text that is NULL does not, and
 * regions that are NULL are null. */
typedef struct result_more {
    const char *picture, *map;
    region_scale scale;
} result_more;
/* One JSON line for a predicted image. */
bool result_json(const char *path, const fleck_result *r, const fleck_error *error,
                 const result_more *more);
bool comparison_json(const fleck_comparison *c);
bool info_json(const fleck_model_info *i);

/* What fleck threshold has to say; NULL and NaN: nothing of it. */
typedef struct threshold_more {
    const char *path;
    const held_scores *before, *after; /* after: a new threshold was written */
    const double *holdout;             /* [n_holdout] scores of good photos that were not learned */
    int64_t n_holdout;
    const cut *labels;     /* --with: what the new threshold does there */
    const cut *labels_old; /* and the one before */
    const char *how;       /* where the new one comes from, beside its promise; "" */
} threshold_more;
bool threshold_json(const threshold_more *m);
/* Histogram, table and the like, for people (threshold_show.c). */
void threshold_print(const threshold_more *m);
/* The rates of the table, a list that 0 ends, to be freed. */
double *threshold_rates(const held_scores *h);

/* ---- Tables of results (predict_csv.c) ---- */

/* One row an image, and in a second file one row a region; in memory until they are written. */
typedef struct results_csv {
    const char *path;
    char *regions_path; /* path with -regions.csv in place of .csv */
    FILE *images, *regions;
    char *images_text, *regions_text;
    size_t images_size, regions_size;
} results_csv;

/* False, and an error printed, where either file cannot or must not be written. */
bool results_csv_begin(results_csv *c, const char *path, bool overwrite);
/* The same where one of them is an input. */
bool results_csv_apart(const results_csv *c, const char *const *inputs, int64_t n);
/* r NULL: the image failed.  regions NULL: there is no pixel threshold. */
void results_csv_add(results_csv *c, const char *path, const fleck_result *r,
                     const fleck_regions *regions, double mm_per_px);
/* Write both files; the code to exit with. */
int results_csv_write(results_csv *c);
void results_csv_free(results_csv *c);

/* ---- HTML (html.c) ---- */

/* A name or message as text or as an attribute's value: valid UTF-8, markup as entities, and what
 * is not seen or changes what stands around it as \n, \x1b, \u202e; a back-slash is doubled. */
void html_text(FILE *to, const char *text);
void html_base64(FILE *to, const unsigned char *bytes, size_t size);

/* ---- Commands ---- */
extern const command bench_command, compare_command, fit_command, predict_command, eval_command,
    metrics_command, info_command, verify_command, install_command, weights_command, synth_command,
    panel_command, threshold_command;

#endif
