#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* They are the analyzer's. */
#undef err_set
#undef err_set_errno
#undef err_context

enum { MESSAGE_BYTES = 1024, TRACE_BYTES = 2048 };

static _Thread_local char message[MESSAGE_BYTES];
static _Thread_local char trace[TRACE_BYTES];

err err_set(err code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    trace[0] = '\0';
    return code;
}

err err_set_errno(err code, const char *format, ...)
{
    const char *reason = strerror(errno);
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (used >= 0 && (size_t)used < sizeof message)
        (void)snprintf(message + used, sizeof message - (size_t)used, ": %s", reason);
    trace[0] = '\0';
    return code;
}

err err_context(err code, const char *format, ...)
{
    char before[MESSAGE_BYTES];
    memcpy(before, message, sizeof before);
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (used < 0 || (size_t)used >= sizeof message) return code;
    /* A chain of contexts may outgrow the message: then its innermost part is cut. */
    int more = snprintf(message + used, sizeof message - (size_t)used, ": %s", before);
    if (more < 0) message[used] = '\0';
    return code;
}

const char *err_message(void)
{
    return message;
}

err err_hop(err code, const char *file, int line)
{
    size_t used = strlen(trace);
    (void)snprintf(trace + used, sizeof trace - used, "%s%s:%d", used ? " < " : "", file, line);
    return code;
}

const char *err_trace(void)
{
    return trace;
}
