/* Time that only runs forwards, for measuring how long something takes. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Seconds since some fixed moment before the program started. */
double clock_seconds(void);

#endif
