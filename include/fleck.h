/* fleck: learn what good parts look like, then find and outline defects.
 *
 * Public interface.  Everything here is prefixed fleck_; nothing else is exported. */
#ifndef FLECK_H
#define FLECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FLECK_MUST_CHECK __attribute__((warn_unused_result))
#define FLECK_API __attribute__((visibility("default")))
#define FLECK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define FLECK_MUST_CHECK
#define FLECK_API
#define FLECK_PRINTF(f, a)
#endif

/* ---- Status and message ------------------------------------------------------------ */

/* Why a call failed.  Zero is success; the values are stable across versions. */
typedef enum fleck_status {
    FLECK_OK = 0,
    FLECK_E_NOMEM = 1,       /* memory could not be had, or a size does not fit */
    FLECK_E_IO = 2,          /* the system refused to read or write a file */
    FLECK_E_FORMAT = 3,      /* the bytes of a file are not what its format demands */
    FLECK_E_UNSUPPORTED = 4, /* well formed, but a kind that fleck does not read or run */
    FLECK_E_SHAPE = 5,       /* sizes of two things that must fit do not */
    FLECK_E_OPTION = 6,      /* an option or argument is unknown or out of range */
    FLECK_E_STATE = 7,       /* the call came too early or too late */
    FLECK_E_NOTFOUND = 8,    /* a file, name, weight or image is not there */
    FLECK_E_LIMIT = 9,       /* larger than a stated limit */
    FLECK_E_ENGINE = 10,     /* the network runtime failed */
    FLECK_E_CANCELLED = 11,  /* the caller asked to stop */
    FLECK_E_NETWORK = 12,    /* a download failed */
    FLECK_E_CHECKSUM = 13    /* a file's checksum is not the promised one */
} fleck_status;

#define FLECK_ERROR_SIZE 1024

/* A status with its message.  Owned by the caller, valid when zeroed; every fallible call
 * takes a pointer to one as its last argument, and NULL where the message is not wanted.
 * The message says what was wanted, what was found, and where: it names the file. */
typedef struct fleck_error {
    fleck_status status;
    char message[FLECK_ERROR_SIZE];
} fleck_error;

#ifdef __cplusplus
}
#endif
#endif
