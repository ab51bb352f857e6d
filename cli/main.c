/* The command-line tool: finds the command and runs it. */
#include "cli.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>

static const command *const commands[] = {&fit_command,     &predict_command, &eval_command,
                                          &panel_command,   &info_command,    &verify_command,
                                          &install_command, &metrics_command, &weights_command,
                                          &synth_command,   &bench_command,   &compare_command};

static void help(FILE *to)
{
    fputs("fleck learns what good parts look like from good images alone, then finds and outlines\n"
          "defects.\n\nusage: fleck COMMAND ...\n\n",
          to);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs(
        "\nfleck COMMAND --help tells a command's options.  Exit codes: 0 done, 1 failed, 2 wrong "
        "usage,\n3 a defective part (predict --fail-on-defect).\n",
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

static int run(const command *cmd, int argc, char **argv)
{
    args a;
    bool wants_help;
    int code = EXIT_USAGE;

    if (args_parse(&a, cmd, argc, argv, &wants_help)) {
        if (wants_help) {
            args_help(cmd, stdout);
            code = EXIT_DONE;
        } else {
            code = cmd->run(&a);
        }
    }
    args_free(&a);
    interrupt_end();
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("fleck: standard output could not be written\n", stderr);
        return EXIT_FAILED;
    }
    return code;
}

int main(int argc, char **argv)
{
    sigset_t pipe_only;

    use_all_processors();
    /* A file beyond the size limit is an error to report, not a reason to die.  Who closes the pipe behind
     * standard output wants no more: the process ends, without a word.  A server that closes a
     * connection is another thing. */
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigprocmask(SIG_UNBLOCK, &pipe_only, NULL); /* whatever was inherited */
    signal(SIGPIPE, argc > 1 && strcmp(argv[1], "weights") == 0 ? SIG_IGN : SIG_DFL);
#ifdef __GLIBC__
    /* Images come and go in blocks of a few MiB.  Kept in the heap, their pages are touched for the first time once, not
     * once an image (docs/SPEED.md). */
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("fleck %s\n", fleck_version());
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run(commands[i], argc - 2, argv + 2);
    return no_command(argv[1]);
}
