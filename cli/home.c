/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of weights and of temporary files. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *home_folder(void)
{
    static char path[1024];
    const char *own = getenv("FLECK_HOME"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (own != NULL && own[0] != '\0')
        snprintf(path, sizeof path, "%s", own);
    else if (data != NULL && data[0] == '/')
        snprintf(path, sizeof path, "%s/fleck", data);
    else
        snprintf(path, sizeof path, "%s/.local/share/fleck", home != NULL ? home : ".");
    return path;
}

const char *shared_home_folder(void)
{
    static char path[4096];
    char own[4096 - 64], weights[4096 + 16];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);

    /* The parent of the tool's own folder. */
    for (int up = 0; n > 0 && up < 2; up++)
        while (n > 0 && own[--n] != '/')
            ;
    if (n >= 0) {
        snprintf(path, sizeof path, "%.*s/share/fleck", (int)n, own);
        snprintf(weights, sizeof weights, "%s/weights", path);
        if (access(weights, F_OK) == 0)
            return path;
    }
    return FLECK_SHARED_HOME;
}

const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");

    if (folder != NULL && folder[0] != '\0')
        return folder;
    /* On many systems /tmp is in memory. */
    return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

const char *scratch_folder(const char *output)
{
    static char path[4096];
    const char *folder = getenv("TMPDIR"), *slash = strrchr(output, '/');

    if (folder != NULL && folder[0] != '\0')
        snprintf(path, sizeof path, "%s", folder);
    else if (slash == NULL)
        snprintf(path, sizeof path, ".");
    else
        snprintf(path, sizeof path, "%.*s", slash == output ? 1 : (int)(slash - output), output);
    return path;
}
