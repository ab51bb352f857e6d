/* SPDX-License-Identifier: Apache-2.0 */
/* Names of processor and system, for reports. */
#ifndef FK_BASE_MACHINE_H
#define FK_BASE_MACHINE_H

#include <stddef.h>

#define FK_MACHINE_TEXT 128

/* The processor's name as the system gives it, or "unknown processor".  Returns buffer. */
const char *fk_machine_processor(char buffer[FK_MACHINE_TEXT]);
/* System, release and architecture: "Linux 6.1.0 x86_64". */
const char *fk_machine_system(char buffer[FK_MACHINE_TEXT]);

#endif
