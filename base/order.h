/* Comparisons for qsort. */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

/* Doubles in rising order. */
static inline int order_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#endif
