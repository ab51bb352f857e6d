/* SPDX-License-Identifier: Apache-2.0 */
/* Names of processor and system, for reports. */
#include "base/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

const char *fk_machine_processor(char buffer[FK_MACHINE_TEXT])
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[512];

    snprintf(buffer, FK_MACHINE_TEXT, "unknown processor");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *value = strchr(line, ':');

        if (value == NULL || strncmp(line, "model name", 10) != 0)
            continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(buffer, FK_MACHINE_TEXT, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (f != NULL)
        fclose(f);
    return buffer;
}

const char *fk_machine_system(char buffer[FK_MACHINE_TEXT])
{
    struct utsname u;

    snprintf(buffer, FK_MACHINE_TEXT, "unknown system");
    if (uname(&u) == 0)
        snprintf(buffer, FK_MACHINE_TEXT, "%.40s %.50s %.30s", u.sysname, u.release, u.machine);
    return buffer;
}
