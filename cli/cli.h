/* SPDX-License-Identifier: Apache-2.0 */
/* The command-line tool: declarations that its commands share.  It includes nothing of src/. */
#ifndef FLECK_CLI_H
#define FLECK_CLI_H

#include "fleck_tools.h"

#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DEFECTIVE = 3 };

/* ---- Arguments (args.c) ---- */

/* One flag.  A table ends with name NULL.  In --help the common flags come first, the others below
 * headings: the GROUP rows. */
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
    const char *usage;   /* after the name: "DIR -o MODEL [options]" */
    const char *summary; /* one line */
    const char *example; /* after "fleck " */
    const char *details; /* text at the end of --help, NULL for none */
    const flag *flags;
    char settings; /* settings of a fit that it takes: 'f' all, 'b' those of a benchmark, 0 none */
    char method_options; /* options of methods that it takes: 'f' all, 'r' those that may change
                            after a fit, 0 none */
    int min_words, max_words; /* positional arguments; max -1: any number */
    int (*run)(const struct args *a);
} command;

/* Parsed arguments.  Texts are borrowed from argv. */
typedef struct args {
    const command *cmd;
    const char **words; /* positional */
    int n_words;
    /* value of each row of the command's table; "" for a switch that was given, NULL: not given */
    const char **values;
    const char **given; /* [argc] the value of the flag that was read at this argument, or NULL */
    int *rows;          /* [argc] row of that flag */
    int argc;           /* arguments after the command's name */
    char **argv;
    const char **pairs; /* method options, "name=value" (owned), and NULL at the end */
    int n_pairs;
} args;

/* Parse argv, the arguments after the command's name.  False: a usage error was printed. */
bool args_parse(args *out, const command *cmd, int argc, char **argv);
void args_free(args *a);
/* Whether --name is an option of the command. */
bool command_takes(const command *cmd, const char *name);
/* The first command with an option of this name (main.c), or NULL. */
const command *find_command_with(const char *name);
/* Whether --help is among argv. */
bool args_want_help(int argc, char **argv);
/* Print --help, with the options of the method that argv names, if any; returns the exit code. */
int args_help(const command *cmd, int argc, char **argv);

/* Value of a flag of the table; NULL: not given. */
const char *args_get(const args *a, const char *name);
bool args_has(const args *a, const char *name);
/* All values of a flag that may be repeated, in order, and NULL.  The caller frees the list, not
 * the texts. */
const char **args_list(const args *a, const char *name);
/* Parse an integer in [min, max] into *out, which is unchanged if the flag was not given; false: an
 * error was printed.  The same holds for the functions below. */
bool args_int(const args *a, const char *name, int64_t min, int64_t max, int64_t *out);
bool args_real(const args *a, const char *name, double min, double max, double *out);
/* A number above 0 and below 1, as 0.02 or 2%. */
bool args_rate(const args *a, const char *name, double *out);
/* Bytes: a number above 0, perhaps with K, M, G or T (1024, 1024^2, ..). */
bool args_bytes(const args *a, const char *name, int64_t *out);
/* A whole number of MiB, 1 or more, into bytes. */
bool args_mebibytes(const args *a, const char *name, int64_t *bytes);
/* "WxH", or, if none is true, "none" as 0x0. */
bool args_size(const args *a, const char *name, bool none, int64_t *width, int64_t *height);
/* The lists of --ignore and --only; the caller frees them. */
typedef struct area_lists {
    const char **ignore, **only;
} area_lists;
area_lists args_areas(const args *a);
void area_lists_free(area_lists *l);
/* Print `before` and the share of photos that is ignored; nothing if it is 0. */
void print_outside(const char *before, const fleck_model_info *info);
/* The settings of a fit that were given, and where weights lie, to be freed; NULL: error
 * printed. */
fleck_settings *args_fit(const args *a);

/* Print "fleck: message" to stderr; returns EXIT_USAGE or EXIT_FAILED. */
int usage_error(const char *format, ...) FLECK_PRINTF(1, 2);
/* The same for an option that must be one of two words. */
int word_error(const char *option, const char *one, const char *other, const char *got);
int failed(const fleck_error *err);
/* The same, preceded by "path: " unless the message names path. */
int failed_at(const char *path, const fleck_error *err);

/* The ending of a noun after the number n: "" or "s". */
const char *plural(int64_t n);
/* Print text with \t, \n, \r, \\ and \xHH in place of characters that would break a line or a
 * field. */
void print_escaped(FILE *to, const char *text);
/* Print "fleck: message" to stderr, on one line. */
void print_message(const char *message);
/* The same with "warning: " before the message. */
void print_warning(const char *message);

/* Return block, or end the program if it is NULL for want of memory. */
void *need(void *block);

/* ---- Processors (alone.c) ---- */

/* Undo the restriction that keeps the BLAS from starting threads.  It is called first in main. */
void use_all_processors(void);

/* ---- Environment (home.c) ---- */

/* Folder of temporary files: $TMPDIR, else that of the output file.  Static storage. */
const char *scratch_folder(const char *output);
/* The same for commands without an output file: $TMPDIR, /var/tmp or /tmp. */
const char *temporary_folder(void);

/* $FLECK_HOME, else $XDG_DATA_HOME/fleck, else ~/.local/share/fleck.  Static storage. */
const char *home_folder(void);
/* Folder of weights that home_folder() lacks: ../share/fleck relative to the tool's own folder if
 * it has weights, as in the build tree and in a prefix; else that of the prefix that the tool was
 * built for.  Static storage. */
const char *shared_home_folder(void);

/* ---- Outputs (outputs.c) ---- */

/* Whether two paths name one file or folder. */
bool same_file(const char *a, const char *b);
/* Check that output, of the flag `option`, is none of the inputs, which may be NULL; false: an
 * error was printed, here and below. */
bool output_apart(const char *option, const char *output, const char *const *inputs, int n);
/* Check that path may be written: there is no file, or fleck wrote it as this kind of output of
 * this image (NULL: of any), or overwrite is set.  The image itself is never overwritten. */
bool output_free(const char *path, fleck_output_kind kind, const char *image, bool overwrite);
/* The same, and check that path can be written. */
bool output_ready(const char *path, fleck_output_kind kind, const char *image, bool overwrite);
/* A set of files by device and inode: all inputs of a call, which no output may replace.  Valid
 * when zeroed. */
typedef struct file_id {
    uint64_t device, inode;
    bool used;
} file_id;
typedef struct file_set {
    file_id *items; /* [room], a power of 2 */
    size_t room, count;
} file_set;

/* Add the file at path, if it exists. */
void file_set_add(file_set *s, const char *path);
/* Check that output is not in the set. */
bool file_set_apart(const file_set *s, const char *output);
void file_set_free(file_set *s);

/* folder/fleck_output_name(image); the caller frees it.  NULL: an error was printed. */
char *output_path(const char *folder, const char *image, const char *ending);

/* ---- Signals (interrupt.c) ---- */

/* After this call the first Ctrl-C, SIGTERM or SIGHUP only makes interrupted() true; the next one
 * ends the process.  progress_begin() calls this; progress_show() stops the running call. */
void interrupt_begin(void);
bool interrupted(void);
/* The call ended as it should when it is interrupted: the process does not end by the signal. */
void interrupt_forget(void);
/* If a signal was received, end the process by it. */
void interrupt_end(void);

/* ---- Progress (progress.c) ---- */

/* Shows "stage done/total rate left" on stderr if that is a terminal. */
typedef struct progress {
    bool shown, drawn;
    double start, last; /* times: start of the stage, when `begun` steps were done; last output */
    char stage[32];
    int64_t begun, done;
    char prefix[256]; /* shown before the stage */
} progress;

progress progress_begin(void);
/* Seconds of a monotonic clock. */
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
    bool zeros;               /* paths on standard input end with a zero byte, not a line end */
    const char *leave_out[2]; /* folders that are not searched, or NULL */
} path_rules;

/* List files, images in folders and all folders below these, and for "-" the paths on standard
 * input, one in each line.  l is zeroed.  False: an error was printed.  l->broken folders could not
 * be listed. */
bool path_list_read(path_list *l, const char *const *words, int n, const path_rules *rules);
/* Print the folders that could not be listed, and, if files were skipped, a line that says how many
 * of all were `what` ("scored") and which were skipped. */
void path_list_tell(const path_list *l, const char *what, int64_t done);
void path_list_free(path_list *l);
/* Print that standard input has a zero byte; returns EXIT_USAGE. */
int path_zero_error(void);
/* Make the folder of path.  False: an error was printed. */
bool make_parent(const char *path);

/* ---- Thresholds (thresholds.c) ---- */

/* A model's held-out scores; texts are borrowed from the model. */
typedef struct held_scores {
    fleck_model_info info;
    int64_t n;              /* 0: the model has none */
    fleck_held_out *photos; /* [n] */
    double *alone;          /* [n] */
    bool has_group;
} held_scores;

held_scores held_read(const fleck_model *model);
void held_free(held_scores *h);
/* Number of scores, alone or by group, above the threshold. */
int64_t held_above(const held_scores *h, bool group, double threshold);
/* Number of held-out photos that are needed for a rate of false alarms. */
int64_t photos_for(double rate);
/* Print where the threshold comes from and which rate it promises, without a line end. */
void print_promise(FILE *to, const fleck_model_info *i);
/* Print a line with the photos whose scores are far above all others, if there are any. */
void print_odd(FILE *to, const held_scores *h);
/* How groups of images were found: "day", "runs of neighbours". */
const char *groups_text(const fleck_model_info *i);
/* Warn if photos that were held out with their whole group clearly break the promise. */
void tell_groups(const held_scores *h);

typedef struct labelled_score {
    double score;
    bool defective;
} labelled_score;
/* A threshold, and its counts on labelled images: defective ones found, good ones rejected. */
typedef struct cut {
    double threshold;
    int64_t good, defective, rejected, found;
} cut;
typedef enum cut_goal {
    CUT_YOUDEN, /* highest share found minus share rejected */
    CUT_F1,
    CUT_COST, /* least misses times their cost plus false alarms */
    CUT_NO_MISS,
    CUT_NO_FALSE_ALARM
} cut_goal;
/* Choose the best threshold, in the middle between two scores; of equally good ones the highest.
 * It sorts s.  False, with threshold NaN: there are no good or no defective images. */
bool choose_cut(cut *out, labelled_score *s, int64_t n, cut_goal goal, double miss_cost);
cut judge_cut(const labelled_score *s, int64_t n, double threshold);

/* ---- Reports (report.c) ---- */

typedef struct report_labels {
    const char *method, *backbone, *precision, *protocol, *options; /* options: JSON text */
    double threshold;                                               /* of the verdicts */
    bool set;      /* the threshold was given, and is not the model's */
    cut hindsight; /* the best threshold for these images; NaN: unknown */
} report_labels;

/* The result of one test image. */
typedef struct score_row {
    char *path, *type;
    const char *name; /* the path relative to the data's folder */
    bool defective, scored;
    double score;
    unsigned unlike; /* as in fleck_result */
} score_row;

/* Print in words, separated by spaces, in what a photo is unlike the learned ones. */
void print_unlike(FILE *to, unsigned unlike);
void report_print(const fleck_report *r, const report_labels *l);
/* Print one JSON object; rows NULL: without scores.  False: out of memory. */
bool report_json(const fleck_report *r, const report_labels *l, const score_row *rows, int64_t n);
/* Regions, and the scale that they are measured with. */
typedef struct region_scale {
    const fleck_regions *regions;
    double mm_per_px; /* NaN: unknown */
} region_scale;

double region_percent(const fleck_region *r, const region_scale *s);
double region_mm2(const fleck_region *r, const region_scale *s); /* NaN where unknown */

/* Further members of a result's JSON line.  Texts that are NULL are left out; regions that are NULL
 * are null. */
typedef struct result_more {
    const char *picture, *map;
    region_scale scale;
} result_more;
/* Print one JSON line for a predicted image. */
bool result_json(const char *path, const fleck_result *r, const fleck_error *error,
                 const result_more *more);
bool comparison_json(const fleck_comparison *c);
bool info_json(const fleck_model_info *i, const fleck_model *model);

/* What fleck threshold prints; NULL and NaN: nothing. */
typedef struct threshold_more {
    const char *path;
    const held_scores *before, *after; /* after: a new threshold was written */
    const double *holdout;             /* [n_holdout] scores of good photos that were not learned */
    int64_t n_holdout;
    const cut *labels;     /* --with: counts of the new threshold */
    const cut *labels_old; /* and of the one before */
    const char *how;       /* how the new one was chosen, or "" */
} threshold_more;
bool threshold_json(const threshold_more *m);
/* Print a histogram and a table (threshold_show.c). */
void threshold_print(const threshold_more *m);
/* The rates of the table, a list that ends with 0; the caller frees it. */
double *threshold_rates(const held_scores *h);

/* ---- Tables of results (predict_csv.c) ---- */

/* A table with a row for each image, and one with a row for each region, both in memory until they
 * are written. */
typedef struct results_csv {
    const char *path;
    char *regions_path; /* path with -regions.csv in place of .csv */
    FILE *images, *regions;
    char *images_text, *regions_text;
    size_t images_size, regions_size;
} results_csv;

/* Begin both tables; false: an error was printed, since a file cannot or must not be written. */
bool results_csv_begin(results_csv *c, const char *path, bool overwrite);
/* Check that neither file is an input; false: an error was printed. */
bool results_csv_apart(const results_csv *c, const char *const *inputs, int64_t n);
/* r NULL: the image failed.  regions NULL: there is no pixel threshold. */
void results_csv_add(results_csv *c, const char *path, const fleck_result *r,
                     const fleck_regions *regions, double mm_per_px);
/* Write both files; returns the exit code. */
int results_csv_write(results_csv *c);
void results_csv_free(results_csv *c);

/* ---- HTML (html.c) ---- */

/* Print a name or message as text or as an attribute's value: valid UTF-8, markup as entities.
 * Characters that are invisible or change the text around them become \n, \x1b, \u202e; a backslash
 * is doubled. */
void html_text(FILE *to, const char *text);
void html_base64(FILE *to, const unsigned char *bytes, size_t size);

/* ---- Commands ---- */
extern const command bench_command, compare_command, fit_command, predict_command, eval_command,
    metrics_command, info_command, verify_command, install_command, weights_command, synth_command,
    panel_command, threshold_command, serve_command, watch_command;

#endif
