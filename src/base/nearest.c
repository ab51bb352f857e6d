/* SPDX-License-Identifier: Apache-2.0 */
/* Edit distance of short words (optimal string alignment: Damerau 1964, without further edits of a
 * swapped pair). */
#include "base/nearest.h"
#include "base/number.h"

#include <string.h>

#define LONGEST 64

static int least(int a, int b, int c)
{
    int n = a < b ? a : b;

    return n < c ? n : c;
}

/* Number of edits from a to b, both of at most LONGEST letters. */
static int distance(const char *a, size_t n, const char *b, size_t m)
{
    int rows[3][LONGEST + 1];

    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], second[j - 2] + 1, row[j]);
        }
    }
    return rows[n % 3][m];
}

void fk_nearest_offer(fk_nearest *n, const char *name)
{
    size_t length = strlen(n->word), other = strlen(name);
    int d;

    if (length > LONGEST || other > LONGEST)
        return;
    d = distance(n->word, length, name, other);
    if (d <= (length < 6 ? 1 : (int)length / 3) && d < (int)other &&
        (n->best == NULL || d < n->distance)) {
        n->best = name;
        n->distance = d;
    }
}

const char *fk_nearest_text(const fk_nearest *n, const char *prefix, char out[FK_MEANT])
{
    out[0] = '\0';
    if (n->best != NULL)
        fk_format(out, FK_MEANT, "; did you mean %s%s?", prefix, n->best);
    return out;
}

const char *fk_nearest_choice(char out[FK_MEANT], const char *choices, const char *word)
{
    char names[8][LONGEST];
    fk_nearest near = {.word = word};

    for (int i = 0; i < 8 && *choices != '\0'; i++) {
        size_t n = strcspn(choices, "|");

        fk_format(names[i], sizeof names[i], "%.*s", (int)n, choices);
        fk_nearest_offer(&near, names[i]);
        choices += n + (choices[n] == '|');
    }
    return fk_nearest_text(&near, "", out);
}
