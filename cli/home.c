/* Where weights are kept. */
#include "cli.h"

#include <stdlib.h>

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
