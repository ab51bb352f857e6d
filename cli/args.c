/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: flags from tables, method options from the library's own, help made from both. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NAMES 256 /* names of a command's options, and NULL */
#define MOST_FLAGS 96  /* the same without options of methods */

void *need(void *block)
{
    if (block == NULL) {
        fputs("fleck: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return block;
}

int usage_error(const char *format, ...)
{
    char *text;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    text = need(malloc((size_t)n + 1));
    va_start(ap, format);
    vsnprintf(text, (size_t)n + 1, format, ap);
    va_end(ap);
    print_message(text);
    free(text);
    return EXIT_USAGE;
}

int word_error(const char *option, const char *one, const char *other, const char *got)
{
    const char *names[] = {one, other, NULL}, *meant = fleck_nearest(got, names);

    return usage_error("--%s: expected %s or %s, got \"%s\"%s%s%s", option, one, other, got,
                       meant != NULL ? "; did you mean " : "", meant != NULL ? meant : "",
                       meant != NULL ? "?" : "");
}

int failed(const fleck_error *err)
{
    print_message(err->message);
    return err->status == FLECK_E_OPTION ? EXIT_USAGE : EXIT_FAILED;
}

int failed_at(const char *path, const fleck_error *err)
{
    fleck_error with = *err;

    if (strstr(err->message, path) == NULL)
        snprintf(with.message, sizeof with.message, "%s: %.*s", path,
                 (int)(sizeof with.message / 2), err->message);
    return failed(&with);
}

/* Whether a method has the option and the command takes it. */
static bool is_method_option(const command *cmd, const char *name)
{
    const fleck_option *o;

    for (int i = 0; cmd->method_options != 0 && i < fleck_method_count(); i++)
        for (int j = 0; (o = fleck_method_option(fleck_method_at(i)->name, j)) != NULL; j++)
            if (strcmp(o->name, name) == 0 && (cmd->method_options == 'f' || o->after_fit))
                return true;
    return false;
}

static bool is_group(const flag *f)
{
    return f->name[0] == '\0';
}

/* Whether the command has a flag for the setting of a fit. */
static bool is_shown(const command *cmd, const fleck_setting *s)
{
    return cmd->settings == 'f' || (cmd->settings == 'b' && s->bench);
}

/* Add a row to table for each common setting of a fit, or for the others with their headings. */
static int add_settings(flag *table, int n, const command *cmd, bool common)
{
    const char *group = "";
    const fleck_setting *s;

    for (int i = 0; n < MOST_FLAGS - 2 && (s = fleck_setting_at(i)) != NULL; i++) {
        if (!is_shown(cmd, s) || common != (s->group[0] == '\0'))
            continue;
        if (strcmp(s->group, group) != 0)
            table[n++] = (flag)GROUP(group = s->group);
        table[n++] = (flag){s->name, s->letter, s->value, s->help};
    }
    return n;
}

/* The command's table: its common flags, the common settings of a fit, the other settings, its
 * other flags.  It ends with name NULL. */
static const flag *table_of(const command *cmd)
{
    static flag tables[2][MOST_FLAGS];
    flag *table = tables[cmd->settings == 'b'];
    int n = 0, own = 0;

    if (cmd->settings == 0 || table[0].name != NULL)
        return cmd->settings == 0 ? cmd->flags : table;
    for (; cmd->flags[own].name != NULL && !is_group(&cmd->flags[own]); own++)
        table[n++] = cmd->flags[own];
    n = add_settings(table, n, cmd, true);
    n = add_settings(table, n, cmd, false);
    for (; cmd->flags[own].name != NULL && n < MOST_FLAGS - 1; own++)
        table[n++] = cmd->flags[own];
    return table;
}

static int find_flag(const command *cmd, const char *name, char letter)
{
    const flag *flags = table_of(cmd);

    for (int i = 0; flags[i].name != NULL; i++)
        if (!is_group(&flags[i]) &&
            (name != NULL ? strcmp(flags[i].name, name) == 0 : flags[i].letter == letter))
            return i;
    return -1;
}

bool command_takes(const command *cmd, const char *name)
{
    return find_flag(cmd, name, 0) >= 0 || is_method_option(cmd, name);
}

static void add_pair(args *a, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *pair = need(malloc(size));

    snprintf(pair, size, "%s=%s", name, value);
    a->pairs = need(realloc(a->pairs, (size_t)(a->n_pairs + 2) * sizeof *a->pairs));
    a->pairs[a->n_pairs++] = pair;
    a->pairs[a->n_pairs] = NULL;
}

/* Add the command's flags and method options to names, which is large enough. */
static void names_of(const command *cmd, const char **names)
{
    const flag *flags = table_of(cmd);
    const fleck_option *o;
    int n = 0;

    for (int i = 0; flags[i].name != NULL; i++)
        if (!is_group(&flags[i]))
            names[n++] = flags[i].name;
    for (int i = 0; cmd->method_options != 0 && i < fleck_method_count(); i++)
        for (int j = 0;
             n < MOST_NAMES - 1 && (o = fleck_method_option(fleck_method_at(i)->name, j)) != NULL;
             j++)
            if (cmd->method_options == 'f' || o->after_fit)
                names[n++] = o->name;
    names[n] = NULL;
}

/* name: word without dashes and value; "" for a letter. */
static void unknown_flag(const command *cmd, const char *word, const char *name)
{
    const char *names[MOST_NAMES], *meant;
    const command *other = find_command_with(name);

    names_of(cmd, names);
    meant = name[0] != '\0' ? fleck_nearest(name, names) : NULL;
    if (other != NULL && other != cmd)
        usage_error("%s: --%s is an option of %s (see fleck %s --help)", cmd->name, name,
                    other->name, cmd->name);
    else if (meant != NULL)
        usage_error("%s: unknown option %s; did you mean --%s? (see fleck %s --help)", cmd->name,
                    word, meant, cmd->name);
    else
        usage_error("%s: unknown option %s (see fleck %s --help)", cmd->name, word, cmd->name);
}

/* Parse the flag at argv[*i]; false: an error was printed. */
static bool take_flag(args *a, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    char name[64] = "";
    const char *value = NULL;
    bool is_long = word[1] == '-', is_option = false;
    int row;

    if (is_long) {
        size_t n = strcspn(word + 2, "=");

        if (n < sizeof name)
            snprintf(name, sizeof name, "%.*s", (int)n, word + 2);
        value = word[2 + n] == '=' ? word + 3 + n : NULL;
        row = find_flag(a->cmd, name, 0);
        is_option = row < 0 && is_method_option(a->cmd, name);
    } else {
        row = find_flag(a->cmd, NULL, word[1]);
        value = word[2] != '\0' ? word + 2 : NULL;
    }
    if (row < 0 && !is_option) {
        unknown_flag(a->cmd, word, name);
        return false;
    }
    if (!is_option && table_of(a->cmd)[row].value == NULL) {
        if (value != NULL) {
            usage_error("%s: %s takes no value", a->cmd->name, word);
            return false;
        }
        a->values[row] = "";
        return true;
    }
    if (value == NULL && *i + 1 < argc)
        value = argv[++*i];
    if (value == NULL) {
        usage_error("%s: %s needs a value", a->cmd->name, word);
        return false;
    }
    if (is_option)
        add_pair(a, name, value);
    else
        a->values[row] = a->given[*i] = value;
    a->rows[*i] = row;
    return true;
}

bool args_parse(args *out, const command *cmd, int argc, char **argv)
{
    const flag *flags = table_of(cmd);
    int rows = 0;
    bool only_words = false;

    while (flags[rows].name != NULL)
        rows++;
    *out = (args){.cmd = cmd, .argc = argc, .argv = argv};
    out->words = need(calloc((size_t)argc + 1, sizeof *out->words));
    out->values = need(calloc((size_t)rows + 1, sizeof *out->values));
    out->given = need(calloc((size_t)argc + 1, sizeof *out->given));
    out->rows = need(calloc((size_t)argc + 1, sizeof *out->rows));
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];

        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && word[0] == '-' && word[1] != '\0') {
            if (!take_flag(out, argc, argv, &i))
                return false;
        } else {
            out->words[out->n_words++] = word;
        }
    }
    if (out->n_words < cmd->min_words || (cmd->max_words >= 0 && out->n_words > cmd->max_words)) {
        usage_error("usage: fleck %s %s", cmd->name, cmd->usage);
        return false;
    }
    return true;
}

void args_free(args *a)
{
    for (int i = 0; i < a->n_pairs; i++)
        free((char *)(uintptr_t)a->pairs[i]);
    free(a->pairs);
    free(a->words);
    free(a->values);
    free(a->given);
    free(a->rows);
    *a = (args){0};
}

/* ---- Help ---- */

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

bool args_want_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(argv[i]))
            return true;
    return false;
}

/* The value of --method, or NULL; other arguments may be wrong. */
static const char *method_in(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--method=", 9) == 0)
            return argv[i] + 9;
        if ((strcmp(argv[i], "--method") == 0 || strcmp(argv[i], "-m") == 0) && i + 1 < argc &&
            !is_help(argv[i + 1]))
            return argv[i + 1];
    }
    return NULL;
}

static void help_line(const char *left, const char *help)
{
    printf("  %-30s %s\n", left, help);
}

/* Print a line for a flag; the default of a fit's setting follows the text. */
static void help_flag(const command *cmd, const flag *f)
{
    char left[128], letter[8] = "", help[256];
    const char *initial = NULL;
    const fleck_setting *s;

    for (int i = 0; (s = fleck_setting_at(i)) != NULL; i++)
        if (is_shown(cmd, s) && strcmp(s->name, f->name) == 0)
            initial = s->initial;
    if (f->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", f->letter);
    snprintf(left, sizeof left, "%s--%s %s", letter, f->name, f->value != NULL ? f->value : "");
    if (initial != NULL)
        snprintf(help, sizeof help, "%s (default %s)", f->help, initial);
    help_line(left, initial != NULL ? help : f->help);
}

static void help_flags(const command *cmd)
{
    bool common = true;

    printf("\noptions\n");
    for (const flag *f = table_of(cmd);; f++) {
        if (common && (f->name == NULL || is_group(f))) {
            help_line("-h, --help", "this text");
            common = false;
        }
        if (f->name == NULL)
            return;
        if (is_group(f)) {
            printf("\n%s\n", f->help);
            continue;
        }
        help_flag(cmd, f);
    }
}

/* Print the options of one method. */
static void help_method(const command *cmd, const fleck_method_info *m)
{
    const fleck_option *o;

    printf("\n%s: %s (%s)\n", m->name, m->title, m->reference);
    for (int j = 0; (o = fleck_method_option(m->name, j)) != NULL; j++) {
        char left[128];

        if (cmd->method_options == 'r' && !o->after_fit)
            continue;
        snprintf(left, sizeof left, "--%s %s", o->name,
                 o->kind == FLECK_OPTION_CHOICE ? o->choices
                 : o->kind == FLECK_OPTION_TEXT ? "TEXT"
                                                : "N");
        printf("  %-30s %s (default %s)\n", left, o->help, o->initial);
    }
}

/* Print the options of one method; NULL: how to see them. */
static int help_methods(const command *cmd, const char *method)
{
    const char *names[MOST_NAMES] = {NULL}, *meant;
    int n = fleck_method_count();

    for (int i = 0; i < n; i++) {
        const fleck_method_info *m = fleck_method_at(i);

        names[i] = m->name;
        if (method != NULL && strcmp(method, m->name) == 0) {
            help_method(cmd, m);
            return EXIT_DONE;
        }
    }
    if (method != NULL) {
        meant = fleck_nearest(method, names);
        return usage_error("%s: there is no method \"%s\"%s%s%s", cmd->name, method,
                           meant != NULL ? "; did you mean " : "", meant != NULL ? meant : "",
                           meant != NULL ? "?" : "");
    }
    printf("\nEach method has options of its own; fleck %s --method NAME --help lists them:\n ",
           cmd->name);
    for (int i = 0; i < n; i++)
        printf(" %s%s", names[i], i + 1 < n ? "," : "\n");
    return EXIT_DONE;
}

/* Print the settings of a fit that a benchmark's run takes. */
static void help_run(void)
{
    int width = printf("of a run:");
    const fleck_setting *s;

    for (int i = 0; (s = fleck_setting_at(i)) != NULL; i++) {
        if (s->run && width > 90)
            width = printf("\n ") - 1;
        if (s->run)
            width += printf(" %s", s->name);
    }
    putchar('\n');
}

/* Print a text in lines of at most 100 columns.  A line end in it stays. */
static void print_wrapped(const char *text)
{
    int column = 0;

    while (*text != '\0') {
        int blanks = (int)strspn(text, " "), word = (int)strcspn(text + blanks, " \n");

        if (column > 0 && column + blanks + word > 100) {
            putchar('\n');
            column = 0;
        }
        column += printf("%*s%.*s", column > 0 ? blanks : 0, "", word, text + blanks);
        text += blanks + word;
        if (*text == '\n') {
            putchar(*text++);
            column = 0;
        }
    }
    putchar('\n');
}

int args_help(const command *cmd, int argc, char **argv)
{
    int code = EXIT_DONE;

    printf("%s\n\nexample: fleck %s\nusage:   fleck %s %s\n", cmd->summary, cmd->example, cmd->name,
           cmd->usage);
    help_flags(cmd);
    if (cmd->method_options != 0)
        code = help_methods(cmd, method_in(argc, argv));
    if (cmd->details != NULL && code == EXIT_DONE) {
        putchar('\n');
        print_wrapped(cmd->details);
    }
    if (cmd->settings == 'b')
        help_run();
    return code;
}

const char *args_get(const args *a, const char *name)
{
    int row = find_flag(a->cmd, name, 0);

    return row >= 0 ? a->values[row] : NULL;
}

bool args_has(const args *a, const char *name)
{
    return args_get(a, name) != NULL;
}

const char **args_list(const args *a, const char *name)
{
    const char **list = need(calloc((size_t)a->argc + 1, sizeof *list));
    int row = find_flag(a->cmd, name, 0), n = 0;

    for (int i = 0; i < a->argc; i++)
        if (a->given[i] != NULL && a->rows[i] == row)
            list[n++] = a->given[i];
    return list;
}

bool args_int(const args *a, const char *name, int64_t min, int64_t max, int64_t *out)
{
    const char *text = args_get(a, name);
    char *end;
    long long v;

    if (text == NULL)
        return true;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || v < min || v > max) {
        usage_error("--%s: expected an integer from %lld to %lld, got \"%s\"", name, (long long)min,
                    (long long)max, text);
        return false;
    }
    *out = v;
    return true;
}

bool args_real(const args *a, const char *name, double min, double max, double *out)
{
    const char *text = args_get(a, name);
    char *end;
    double v;

    if (text == NULL)
        return true;
    v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(v) || v < min || v > max) {
        usage_error("--%s: expected a number from %g to %g, got \"%s\"", name, min, max, text);
        return false;
    }
    *out = v;
    return true;
}

bool args_rate(const args *a, const char *name, double *out)
{
    const char *text = args_get(a, name);
    char *end;
    double v;

    if (text == NULL)
        return true;
    v = strtod(text, &end);
    if (end != text && *end == '%') {
        v /= 100.0;
        end++;
    }
    if (end == text || *end != '\0' || !(v > 0.0 && v < 1.0)) {
        usage_error("--%s: expected a share between 0 and 1, as 0.02 or 2%%, got \"%s\"", name,
                    text);
        return false;
    }
    *out = v;
    return true;
}

bool args_bytes(const args *a, const char *name, int64_t *out)
{
    static const char units[] = "KMGT";
    const char *text = args_get(a, name), *unit;
    char *end;
    double v;

    if (text == NULL)
        return true;
    v = strtod(text, &end);
    unit = end != text && *end != '\0' && end[1] == '\0' ? strchr(units, *end) : NULL;
    if (unit != NULL)
        v = ldexp(v, 10 * (int)(unit - units + 1));
    if (end == text || (*end != '\0' && unit == NULL) || !(v >= 1.0 && v < 1e18)) {
        usage_error("--%s: expected a size as 600M or 2G, got \"%s\"", name, text);
        return false;
    }
    *out = (int64_t)v;
    return true;
}

bool args_mebibytes(const args *a, const char *name, int64_t *bytes)
{
    int64_t n = *bytes >> 20;

    if (!args_int(a, name, 1, INT64_C(1) << 40, &n))
        return false;
    *bytes = n << 20;
    return true;
}

/* Parse a side in pixels at *text, and advance *text; 0: there is none. */
static int64_t parse_side(const char **text)
{
    char *end;
    long long v;

    if (**text < '0' || **text > '9')
        return 0;
    errno = 0;
    v = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0 && v <= 65535 ? v : 0;
}

bool args_size(const args *a, const char *name, bool none, int64_t *width, int64_t *height)
{
    const char *text = args_get(a, name), *p = text;
    int64_t w, h;

    if (text == NULL)
        return true;
    if (none && strcmp(text, "none") == 0) {
        *width = *height = 0;
        return true;
    }
    w = h = parse_side(&p);
    if (*p == 'x') {
        p++;
        h = parse_side(&p);
    }
    if (w > 0 && h > 0 && *p == '\0') {
        *width = w;
        *height = h;
        return true;
    }
    usage_error("--%s: expected WIDTHxHEIGHT%s, got \"%s\"", name, none ? " or none" : "", text);
    return false;
}
