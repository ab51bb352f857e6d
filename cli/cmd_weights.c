/* fleck weights: install the networks' weights. */
#include "cli.h"

#include <string.h>

static const flag flags[] = {
    {"mirror", 0, "URL", "fetch: folder to download from instead of the official one"},
    {NULL, 0, NULL, NULL}};

static int list(void)
{
    int code = EXIT_DONE;

    for (int i = 0; i < fleck_backbone_count(); i++) {
        fleck_backbone_info b = fleck_backbone_at(i);
        fleck_weights_info w;
        fleck_error err = {0};

        printf("%-20s %s\n", b.name, b.title);
        if (fleck_weights_find(&w, home_folder(), b.name, &err) != FLECK_OK) {
            printf("%-20s damaged: %s\n", "", err.message);
            code = EXIT_FAILED;
        } else if (w.installed) {
            printf("%-20s installed: %s (%.1f MB, from %s%s)\n", "", w.path, (double)w.bytes * 1e-6,
                   w.source, w.complete ? "" : ", without its last stage");
        } else {
            printf("%-20s not installed; %s\n", "", b.source);
        }
    }
    return code;
}

static int add(const char *name, const char *file)
{
    fleck_error err = {0};
    fleck_weights_info w;
    bool complete;

    if (fleck_weights_add(home_folder(), name, file, &complete, &err) != FLECK_OK ||
        fleck_weights_find(&w, home_folder(), name, &err) != FLECK_OK)
        return failed(&err);
    printf("%s: installed as %s%s\n", name, w.path,
           complete ? "" : " (the last stage is not in the file; what needs it will say so)");
    return EXIT_DONE;
}

static int fetch(const char *name, const char *mirror)
{
    progress p = progress_begin();
    fleck_error err = {0};
    fleck_weights_info w;
    fleck_status st = fleck_weights_fetch(home_folder(), name, mirror, progress_show, &p, &err);

    progress_end(&p);
    if (st != FLECK_OK || fleck_weights_find(&w, home_folder(), name, &err) != FLECK_OK)
        return failed(&err);
    printf("%s: fetched, verified and installed as %s\n", name, w.path);
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
    .details =
        "FILE is a .pth of torchvision or timm (either of torch's containers) or a safetensors "
        "file. "
        "Weights\nare kept under $FLECK_HOME, by default the XDG data folder.  A file that holds "
        "anything but\ntensors is refused, never run.",
    .flags = flags,
    .min_words = 1,
    .max_words = 3,
    .run = run};
