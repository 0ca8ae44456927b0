#include "downstream/set_metrics.h"

#include <math.h>
#include <stddef.h>

/* The mean of column c. */
static double marginal(const float *probabilities, int n, int k, int c)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) sum += (double)probabilities[(size_t)i * (size_t)k + (size_t)c];
    return sum / n;
}

/* exp of the mean divergence of the images' class probabilities from their mean; NaN from n = 0 or a NaN. */
static double score_of(const float *probabilities, int n, int k)
{
    double sum = 0.0;
    for (int c = 0; c < k; c++) {
        double q = marginal(probabilities, n, k, c);
        for (int i = 0; i < n; i++) {
            double p = (double)probabilities[(size_t)i * (size_t)k + (size_t)c];
            if (!(p >= 0.0)) return NAN;
            if (p > 0.0) sum += p * log(p / q);
        }
    }
    return exp(sum / n);
}

inception_score metric_inception_score(const float *probabilities, int n, int k, int splits)
{
    double mean = 0.0, squares = 0.0; /* squares: of the differences from the mean (Welford 1962) */
    for (int s = 0; s < splits; s++) {
        size_t first = (size_t)s * (size_t)n / (size_t)splits,
               end = ((size_t)s + 1) * (size_t)n / (size_t)splits;
        double score = score_of(probabilities + first * (size_t)k, (int)(end - first), k);
        double difference = score - mean;
        mean += difference / (s + 1);
        squares += difference * (score - mean);
    }
    return (inception_score){mean, sqrt(squares / splits)};
}
