/* SPDX-License-Identifier: Apache-2.0 */
/* The command-line tool: finds the command and runs it. */
#include "cli.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>

static const command *const commands[] = {
    &fit_command,   &predict_command, &eval_command,    &threshold_command, &panel_command,
    &info_command,  &verify_command,  &install_command, &metrics_command,   &weights_command,
    &synth_command, &bench_command,   &compare_command, &serve_command,     &watch_command};

static void help(FILE *to)
{
    fputs("fleck learns from images of good parts what they look like, then finds and outlines "
          "defects.\n\n"
          "example: fleck fit photos/good -o part.fleck\n"
          "         fleck predict part.fleck photos/new -o out\n"
          "usage:   fleck COMMAND ...\n\n",
          to);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs(
        "\nfleck help COMMAND, or fleck COMMAND --help, tells a command's options.  Exit codes: 0 "
        "done, 1 failed,\n2 wrong usage, 3 a defective part (predict --fail-on-defect).\n",
        to);
}

const command *find_command_with(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (command_takes(commands[i], name))
            return commands[i];
    return NULL;
}

static int no_command(const char *word)
{
    const char *names[sizeof commands / sizeof commands[0] + 1] = {NULL}, *meant;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        names[i] = commands[i]->name;
    meant = fleck_nearest(word, names);
    if (meant != NULL)
        return usage_error("there is no command \"%s\"; did you mean %s? (see fleck --help)", word,
                           meant);
    return usage_error("there is no command \"%s\" (see fleck --help)", word);
}

/* The exit code, after all output was flushed. */
static int written(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("fleck: standard output could not be written\n", stderr);
    return EXIT_FAILED;
}

static const command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
    return NULL;
}

/* fleck help [COMMAND ...] and fleck --help */
static int run_help(int argc, char **argv)
{
    const command *cmd = argc > 0 ? find_command(argv[0]) : NULL;

    if (cmd != NULL)
        return written(args_help(cmd, argc - 1, argv + 1));
    if (argc > 0 && argv[0][0] != '-')
        return no_command(argv[0]);
    help(stdout);
    return written(EXIT_DONE);
}

static int run(const command *cmd, int argc, char **argv)
{
    args a;
    int code = EXIT_USAGE;

    if (args_want_help(argc, argv))
        return written(args_help(cmd, argc, argv));
    if (args_parse(&a, cmd, argc, argv))
        code = cmd->run(&a);
    args_free(&a);
    interrupt_end();
    return written(code);
}

int main(int argc, char **argv)
{
    const command *cmd;
    sigset_t pipe_only;

    use_all_processors();
    /* A file beyond the size limit is an error that is reported.  If the reader of standard output
     * closes the pipe, the process ends silently. */
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigprocmask(SIG_UNBLOCK, &pipe_only, NULL); /* it may be inherited as blocked */
    signal(SIGPIPE, SIG_DFL);
#ifdef __GLIBC__
    /* Images are allocated and freed in blocks of a few MiB.  If these stay in the heap, their page
     * faults occur once, not once for each image (docs/speed). */
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    /* A thread's own heap grows by a call of the kernel for every 4 KiB, two thousand while
     * OpenVINO compiles.  One heap does: an image takes some hundred blocks, so threads seldom
     * wait for it. */
    mallopt(M_ARENA_MAX, 1);
#endif
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return run_help(argc - 2, argv + 2);
    if (strcmp(argv[1], "--version") == 0) {
        printf("fleck %s\n", fleck_version());
        return EXIT_DONE;
    }
    cmd = find_command(argv[1]);
    return cmd != NULL ? run(cmd, argc - 2, argv + 2) : no_command(argv[1]);
}
