/* SPDX-License-Identifier: Apache-2.0 */
/* Damages files in every way that a generator of numbers thinks of, and gives them to the library.
 *
 *   mutate KIND SEED FROM COUNT WORK MODEL SAMPLE FILE...
 *
 * KIND says what the files are (see `kinds`).  Damaged file number n, from FROM on, depends on
 * KIND's files, SEED and n alone.  It lies in WORK while it is tried, and stays there where it was
 * the last.  Every second file that has a checksum gets the right one after the damage.
 * MODEL is a model, and SAMPLE a category, that are in order.  The library works in children, some
 * 50 files each, so that a crash and a hang are seen and named.  The last line counts:
 *   KIND COUNT ACCEPTED REFUSED CRASHED HUNG MUTE      mute: refused without a word of which file
 * The exit status is 1 where a file did what none may do. */
#define _GNU_SOURCE
#include "base/digest.h"
#include "../defaults.h"
#include "fit/settings.h"
#include "tensor/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PER_CHILD 50
#define PATIENCE_S 60
#define PATH_SIZE 4096

/* ---- Numbers ------------------------------------------------------------------------- */

static uint64_t state;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dULL;
}

static size_t below(size_t n)
{
    return n > 0 ? (size_t)((draw() >> 11) % n) : 0;
}

static void begin(uint64_t seed, uint64_t number)
{
    state = (seed + 1) * 0x9e3779b97f4a7c15ULL ^ (number + 1) * 0xbf58476d1ce4e5b9ULL;
    if (state == 0)
        state = 1;
    for (int i = 0; i < 8; i++)
        (void)draw();
}

/* ---- Files --------------------------------------------------------------------------- */

typedef struct bytes {
    uint8_t *data;
    size_t size, room;
} bytes;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static bytes read_file(const char *path)
{
    bytes b = {NULL, 0, 0};
    FILE *f = fopen(path, "rb");
    long size;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
        die(path);
    rewind(f);
    b.size = (size_t)size;
    b.room = 2 * b.size + 4096; /* what is doubled or put in must fit */
    b.data = calloc(b.room, 1);
    if (b.data == NULL || fread(b.data, 1, b.size, f) != b.size)
        die(path);
    fclose(f);
    return b;
}

static void write_file(const char *path, const bytes *b)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(b->data, 1, b->size, f) != b->size || fclose(f) != 0)
        die(path);
}

/* ---- Damage -------------------------------------------------------------------------- */

/* Half of what is done falls anywhere, the rest where formats keep lengths: near either end. */
static size_t place(const bytes *b)
{
    size_t near = b->size < 512 ? b->size : 512;

    switch (below(4)) {
    case 0:
        return below(near);
    case 1:
        return b->size - near + below(near);
    default:
        return below(b->size);
    }
}

static size_t run_length(const bytes *b, size_t at)
{
    static const size_t longest[] = {4, 16, 256, 65536};
    size_t n = 1 + below(longest[below(4)]);

    return n < b->size - at ? n : b->size - at;
}

static void cut(bytes *b)
{
    b->size = below(3) == 0 ? below(b->size < 64 ? b->size : 64) : below(b->size);
}

static void flip(bytes *b)
{
    for (size_t i = 1 + below(8); i > 0; i--)
        b->data[place(b)] ^= (uint8_t)(1 << below(8));
}

static void fill(bytes *b)
{
    static const uint8_t with[] = {0, 0xff, 0x7f, 0x80, ' '};
    size_t at = place(b);

    memset(b->data + at, with[below(5)], run_length(b, at));
}

static void swap(bytes *b)
{
    size_t from = place(b), to = place(b), n = run_length(b, from > to ? from : to);

    for (size_t i = 0; i < n; i++) {
        uint8_t kept = b->data[from + i];

        b->data[from + i] = b->data[to + i];
        b->data[to + i] = kept;
    }
}

/* Put n bytes of room in at `at`, as far as there is room. */
static size_t open_gap(bytes *b, size_t at, size_t n)
{
    if (n > b->room - b->size)
        n = b->room - b->size;
    memmove(b->data + at + n, b->data + at, b->size - at);
    b->size += n;
    return n;
}

static void repeat(bytes *b)
{
    size_t at = place(b), n = open_gap(b, at, run_length(b, at));

    memcpy(b->data + at, b->data + at + n, n < b->size - at - n ? n : b->size - at - n);
}

static void remove_run(bytes *b)
{
    size_t at = place(b), n = run_length(b, at);

    memmove(b->data + at, b->data + at + n, b->size - at - n);
    b->size -= n;
}

/* A length or an offset in binary: 1 to 8 bytes of either order. */
static void number(bytes *b)
{
    static const uint64_t values[] = {0,          1,          2,          0x7f,       0xff,
                                      0x7fff,     0x8000,     0xffff,     0x10000,    0x7fffffff,
                                      0x80000000, 0xffffffff, 1ULL << 32, 1ULL << 40, INT64_MAX,
                                      1ULL << 63, UINT64_MAX};
    uint64_t value = below(4) == 0 ? draw() : values[below(sizeof values / sizeof values[0])];
    size_t at = place(b), n = (size_t)1 << below(4);
    bool big = below(2) == 0;

    for (size_t i = 0; i < n && at + i < b->size; i++)
        b->data[at + i] = (uint8_t)(value >> 8 * (big ? n - 1 - i : i));
}

/* A number written in digits becomes another. */
static void digits(bytes *b)
{
    static const char *const texts[] = {"",
                                        "0",
                                        "-1",
                                        "1e308",
                                        "-1e999",
                                        "nan",
                                        "inf",
                                        "65536",
                                        "0x10",
                                        "1.5",
                                        "007",
                                        "2147483648",
                                        "99999999999999999999",
                                        "9007199254740993",
                                        "null",
                                        "\"1\""};
    const char *text = texts[below(sizeof texts / sizeof texts[0])];
    size_t at = place(b), end, n;

    while (at < b->size && (b->data[at] < '0' || b->data[at] > '9'))
        at++;
    for (end = at; end < b->size && b->data[end] >= '0' && b->data[end] <= '9';)
        end++;
    memmove(b->data + at, b->data + end, b->size - end);
    b->size -= end - at;
    n = open_gap(b, at, strlen(text));
    memcpy(b->data + at, text, n);
}

static void scribble(bytes *b)
{
    size_t at = below(b->size < 64 ? b->size : 64);

    for (size_t n = 1 + below(8); n > 0 && at < b->size; n--)
        b->data[at++] = (uint8_t)draw();
}

static void add(bytes *b)
{
    size_t n = open_gap(b, b->size, 1 + below(300));

    for (size_t i = 0; i < n; i++)
        b->data[b->size - n + i] = (uint8_t)draw();
}

static void damage(bytes *b)
{
    static void (*const ways[])(bytes *) = {cut,        flip,   flip,   fill,   swap,     repeat,
                                            remove_run, number, number, digits, scribble, add};

    for (size_t i = 1 + below(2) * below(3); i > 0 && b->size > 0; i--)
        ways[below(sizeof ways / sizeof ways[0])](b);
}

/* Make the checksum of a model or of stored weights right again, where it still is in its place:
 * what is damaged behind it then has to be found by those who read it. */
static void mend_checksum(bytes *b)
{
    static const char key[] = "\"" FK_ST_CHECKSUM "\":\"";
    uint8_t *at = memmem(b->data, b->size, key, sizeof key - 1);
    const size_t digits = FK_DIGEST_TEXT - 1;
    int64_t n = fk_digest_count((int64_t)b->size);
    fk_digest *blocks;
    char text[FK_DIGEST_TEXT];

    if (at == NULL || b->size - (size_t)(at + sizeof key - 1 - b->data) < digits)
        return;
    at += sizeof key - 1;
    memset(at, '0', digits);
    blocks = calloc((size_t)n + 1, sizeof *blocks);
    if (blocks == NULL)
        die("mutate");
    for (int64_t i = 0; i < n; i++) {
        size_t from = (size_t)(i * FK_DIGEST_BLOCK), left = b->size - from;

        blocks[i] = fk_digest_block(b->data + from,
                                    left < FK_DIGEST_BLOCK ? left : (size_t)FK_DIGEST_BLOCK);
    }
    fk_digest_text(text, fk_digest_join(blocks, n));
    memcpy(at, text, digits);
    free(blocks);
}

/* ---- What is done with a file -------------------------------------------------------- */

typedef struct table {
    const char *work, *sample, *model_path;
    fleck_model *model; /* opened in the child: threads do not outlive a fork */
    char path[PATH_SIZE];
    fleck_error error; /* of a file in a list, which does not fail the call */
    int64_t number;
} table;

static fleck_status note(void *ctx, int64_t i, const fleck_sample *sample,
                         const fleck_result *result, const fleck_error *error)
{
    table *b = ctx;

    (void)i;
    (void)sample;
    (void)result;
    if (error != NULL)
        b->error = *error;
    return FLECK_OK;
}

static void part(char *out, const char *folder, const char *name)
{
    snprintf(out, PATH_SIZE, "%s/%s", folder, name);
}

static fleck_settings small_fit(const table *b)
{
    static const char *const options[] = {"dims=5", NULL};
    fleck_settings s = fk_fit_defaults();

    s.home = getenv("FLECK_HOME");
    s.method = "padim";
    s.width = s.height = s.crop_width = s.crop_height = 64;
    s.threads = 1;
    s.options = options;
    s.calibrate = 0;
    (void)b;
    return s;
}

static fleck_status fit_with(const table *b, const fleck_settings *s, const char *file,
                             fleck_error *err)
{
    char good[2][PATH_SIZE];
    const char *files[3] = {good[0], good[1], file};
    fleck_model *model = NULL;
    fleck_status st;

    part(good[0], b->sample, "train/good/000.png");
    part(good[1], b->sample, "train/good/001.png");
    st = fleck_fit_files(&model, files, file != NULL ? 3 : 2, s, NULL, err);
    fleck_model_close(&model);
    return st;
}

static fleck_status try_image(table *b, fleck_error *err)
{
    fleck_result *r = NULL;
    fleck_status st = fleck_score_file(b->model, b->path, true, &r, err);

    if (st == FLECK_OK && !isfinite(r->score))
        abort();
    fleck_result_free(&r);
    if (b->number % 16 == 0) {
        fleck_settings s = small_fit(b);
        fleck_error other = {0};

        if ((fit_with(b, &s, b->path, &other) == FLECK_OK) != (st == FLECK_OK)) {
            fprintf(stderr, "fit and score disagree: \"%s\", \"%s\"\n", err->message,
                    other.message);
            abort();
        }
    }
    return st;
}

static fleck_status try_csv(table *b, fleck_error *err)
{
    fleck_settings s = small_fit(b);
    fleck_eval_settings e = test_eval_defaults();
    fleck_report *report = NULL;
    fleck_model *model = NULL;
    fleck_error other = {0};
    fleck_status st, evaluated;

    e.on_result = note;
    e.on_result_ctx = b;
    st = fleck_fit(&model, b->path, &s, NULL, err);
    fleck_model_close(&model);
    evaluated = fleck_evaluate(b->model, b->path, &e, &report, &other);
    fleck_free(report);
    if (st != FLECK_OK)
        return st;
    *err = other;
    return evaluated;
}

/* As the mask of a defect, and for one of eight as that of a fit. */
static fleck_status try_mask(table *b, fleck_error *err)
{
    char list[PATH_SIZE];
    fleck_eval_settings e = test_eval_defaults();
    fleck_settings s = small_fit(b);
    fleck_report *report = NULL;
    fleck_status st;
    FILE *f;

    if (b->number % 8 == 0) {
        s.mask = b->path;
        return fit_with(b, &s, NULL, err);
    }
    part(list, b->work, "masks.csv");
    f = fopen(list, "w");
    if (f == NULL)
        die(list);
    fprintf(f, "path,label,mask\n%s/test/good/000.png,0,\n%s/test/crack/000.png,1,%s\n", b->sample,
            b->sample, b->path);
    fclose(f);
    e.on_result = note;
    e.on_result_ctx = b;
    st = fleck_evaluate(b->model, list, &e, &report, err);
    fleck_free(report);
    return st;
}

/* WORK/maps has a map for every test image but one, which the damaged file becomes. */
static fleck_status try_map(table *b, fleck_error *err)
{
    fleck_metrics_settings s = test_metrics_defaults();
    fleck_report *report = NULL;
    char maps[PATH_SIZE], map[PATH_SIZE], name[64];
    fleck_status st;

    part(maps, b->work, "maps");
    snprintf(name, sizeof name, "maps/crack/000%s", strrchr(b->path, '.'));
    part(map, b->work, name);
    if (rename(b->path, map) != 0)
        die(map);
    s.width = s.height = s.crop_width = s.crop_height = 64;
    s.threads = 1;
    st = fleck_metrics(maps, b->sample, &s, &report, err);
    fleck_free(report);
    if (rename(map, b->path) != 0)
        die(map);
    return st;
}

static fleck_status try_weights(table *b, fleck_error *err)
{
    char home[PATH_SIZE];
    bool complete;

    part(home, b->work, "weights");
    return fleck_weights_add(home, "efficientnet_lite0", b->path, &complete, err);
}

static fleck_status try_model(table *b, fleck_error *err)
{
    fleck_run_settings s = test_run_defaults();
    fleck_model *model = NULL;
    fleck_result *r = NULL;
    char image[PATH_SIZE];
    fleck_error other = {0};
    double difference;
    fleck_status st;

    s.threads = 1;
    st = fleck_model_open(&model, b->path, &s, err);
    if (st != FLECK_OK)
        return st;
    (void)fleck_model_describe(model);
    part(image, b->sample, "test/good/000.png");
    /* What a damaged model says of an image is not judged; that it says something is. */
    if (fleck_score_file(model, image, true, &r, &other) != FLECK_OK && other.message[0] == '\0')
        abort();
    fleck_result_free(&r);
    st = fleck_model_verify(model, 0, &difference, err);
    fleck_model_close(&model);
    return st;
}

static fleck_status try_result(table *b, fleck_error *err)
{
    fleck_compare_settings s = test_compare_defaults();
    fleck_comparison *c = NULL;
    fleck_status st;

    s.resamples = 20;
    st = fleck_compare(b->path, NULL, b->path, NULL, &s, &c, err);
    fleck_free(c);
    return st;
}

static fleck_status try_network(table *b, fleck_error *err)
{
    fleck_settings s = small_fit(b);

    s.backbone = b->path;
    s.width = s.height = s.crop_width = s.crop_height = 48;
    return fit_with(b, &s, NULL, err);
}

typedef struct kind {
    const char *name;
    fleck_status (*attempt)(table *, fleck_error *);
    const char *parts[2]; /* what a refusal may name in place of the file: what came of it */
} kind;

static const kind kinds[] = {
    {"image", try_image, {NULL}},           {"mask", try_mask, {NULL}},
    {"map", try_map, {"crack/000"}},        {"csv", try_csv, {"/", "padim: a Gaussian needs"}},
    {"model", try_model, {"check image "}}, {"weights", try_weights, {NULL}},
    {"result", try_result, {NULL}},         {"network", try_network, {"padim: "}}};

/* ---- Children and counts ------------------------------------------------------------- */

enum { ACCEPTED, REFUSED, CRASHED, HUNG, MUTE, OUTCOMES };

typedef struct report {
    int64_t number;
    int what; /* -1: begins */
} report;

typedef struct campaign {
    const kind *kind;
    uint64_t seed;
    int64_t start, end, counts[OUTCOMES];
    table table;
    char **files;
    size_t n_files;
} campaign;

/* Whether a refusal says why and names the file, or that part of what was made of it which is
 * wrong. */
static int judge(const table *b, const kind *k, const fleck_error *err)
{
    if (strstr(err->message, strrchr(b->path, '/') + 1) != NULL)
        return REFUSED;
    for (int i = 0; i < 2; i++)
        if (k->parts[i] != NULL && strstr(err->message, k->parts[i]) != NULL)
            return REFUSED;
    fprintf(stderr, "no name of the file in: \"%s\"\n", err->message);
    return MUTE;
}

static void tell(int out, int64_t number, int what)
{
    report r = {number, what};

    if (write(out, &r, sizeof r) != sizeof r)
        _exit(3);
}

/* The first of the files, undamaged, where number is negative. */
static int attempt(campaign *c, int64_t number)
{
    table *b = &c->table;
    fleck_error err = {0};
    const char *file, *ending;
    bytes content;

    begin(c->seed, (uint64_t)number);
    file = c->files[number >= 0 ? below(c->n_files) : 0];
    content = read_file(file);
    if (number >= 0)
        damage(&content);
    if (number % 2 == 1)
        mend_checksum(&content);
    ending = strrchr(strrchr(file, '/') != NULL ? strrchr(file, '/') : file, '.');
    snprintf(b->path, sizeof b->path, "%s/damaged%s", b->work, ending != NULL ? ending : "");
    write_file(b->path, &content);
    free(content.data);
    b->number = number;
    memset(&b->error, 0, sizeof b->error);
    alarm(PATIENCE_S);
    if (c->kind->attempt(b, &err) == FLECK_OK && b->error.status == FLECK_OK)
        return ACCEPTED;
    if (number < 0)
        fprintf(stderr, "%s\n", err.status != FLECK_OK ? err.message : b->error.message);
    return judge(b, c->kind, err.status != FLECK_OK ? &err : &b->error);
}

static void child(campaign *c, int64_t from, int64_t end, int out)
{
    fleck_run_settings s = test_run_defaults();
    fleck_error err = {0};

    s.threads = 1;
    if (fleck_model_open(&c->table.model, c->table.model_path, &s, &err) != FLECK_OK) {
        fprintf(stderr, "%s\n", err.message);
        _exit(2);
    }
    if (from == c->start && attempt(c, -1) != ACCEPTED) {
        fprintf(stderr, "mutate: %s is refused as it is\n", c->files[0]);
        _exit(2);
    }
    for (int64_t i = from; i < end; i++) {
        tell(out, i, -1);
        tell(out, i, attempt(c, i));
        alarm(0);
    }
    fleck_model_close(&c->table.model);
    exit(0);
}

/* Returns where the next child goes on. */
static int64_t watch(campaign *c, int64_t from)
{
    int64_t end = c->end - from > PER_CHILD ? from + PER_CHILD : c->end, at = from - 1;
    int ends[2], how;
    report r;
    pid_t pid;

    fflush(NULL);
    if (pipe(ends) != 0 || (pid = fork()) < 0)
        die("fork");
    if (pid == 0) {
        close(ends[0]);
        child(c, from, end, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &r, sizeof r) == (ssize_t)sizeof r) {
        at = r.number;
        if (r.what >= 0)
            c->counts[r.what]++;
        if (r.what == MUTE)
            printf("%s: seed %llu, number %lld: refused without a name\n", c->kind->name,
                   (unsigned long long)c->seed, (long long)at);
    }
    close(ends[0]);
    if (waitpid(pid, &how, 0) != pid)
        die("waitpid");
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return end;
    if (at < from) {
        fprintf(stderr, "mutate: nothing could be tried\n");
        exit(2);
    }
    c->counts[WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM ? HUNG : CRASHED]++;
    printf("%s: seed %llu, number %lld: %s %d\n", c->kind->name, (unsigned long long)c->seed,
           (long long)at, WIFSIGNALED(how) ? "signal" : "exit",
           WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
    return at + 1;
}

int main(int argc, char **argv)
{
    campaign c = {0};
    int64_t from, count;

    for (size_t i = 0; argc > 8 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            c.kind = &kinds[i];
    if (c.kind == NULL) {
        fprintf(stderr, "usage: mutate KIND SEED FROM COUNT WORK MODEL SAMPLE FILE...\n");
        return 2;
    }
    c.seed = strtoull(argv[2], NULL, 10);
    from = strtoll(argv[3], NULL, 10);
    count = strtoll(argv[4], NULL, 10);
    c.start = from;
    c.end = from + count;
    c.table.work = argv[5];
    c.table.model_path = argv[6];
    c.table.sample = argv[7];
    c.files = argv + 8;
    c.n_files = (size_t)(argc - 8);
    while (from < c.end)
        from = watch(&c, from);
    printf("%s %lld", c.kind->name, (long long)count);
    for (int i = 0; i < OUTCOMES; i++)
        printf(" %lld", (long long)c.counts[i]);
    printf("\n");
    return c.counts[CRASHED] + c.counts[HUNG] + c.counts[MUTE] > 0;
}
