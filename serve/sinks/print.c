/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output, for `fleck watch`: JSON lines, or name, score and verdict between tabs. */
#include "sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* As `fleck predict` prints paths. */
static void print_name(FILE *to, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;

        if (c == '\t')
            fputs("\\t", to);
        else if (c == '\n')
            fputs("\\n", to);
        else if (c == '\r')
            fputs("\\r", to);
        else if (c == '\\')
            fputs("\\\\", to);
        else if (c < 32 || c == 127)
            fprintf(to, "\\x%02X", c);
        else
            putc(c, to);
    }
}

static sv_sent print(sv_sink *k, const json_t *row, const char *text, fleck_error *err)
{
    const char *verdict = json_string_value(json_object_get(row, "verdict"));
    const json_t *score = json_object_get(row, "score");

    if (k->server->options.watch->json) {
        puts(text);
    } else {
        print_name(stdout, json_string_value(json_object_get(row, "name")));
        if (json_is_number(score))
            printf("\t%.6g\t%s\n", json_number_value(score),
                   strcmp(verdict, "none") == 0 ? "not judged" : verdict);
        else
            printf("\t\t%s\n", verdict);
    }
    if (strcmp(verdict, "error") == 0) {
        const char *why = json_string_value(json_object_get(row, "error"));

        fputs("fleck: ", stderr);
        print_name(stderr, why != NULL ? why : "");
        fputc('\n', stderr);
    }
    if (fflush(stdout) == 0)
        return SV_SENT;
    sv_error(err, FLECK_E_IO, "standard output could not be written: %s", strerror(errno));
    atomic_store(&k->server->broken, true);
    return SV_RETRY;
}

const sv_sink_kind sv_print_sink = {.name = "print", .built = true, .send = print};
