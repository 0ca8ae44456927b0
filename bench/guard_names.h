/* The guards' names: for the table of options, which is older than all else. */
#ifndef BENCH_GUARD_NAMES_H
#define BENCH_GUARD_NAMES_H

/* X(name, help) */
#define GUARDS(X)                                                                                            \
    X(patients, "a patient is on both sides of a split")                                                     \
    X(near_duplicates, "an image, or one like it, is on both sides of a split, or was made by a generator")  \
    X(copies, "synthetic images lie closer to training images than held-out ones do")                        \
    X(generator_split, "images of a generator that was trained on other samples than the training split, "   \
                       "or does not say on which")                                                           \
    X(test_fitted, "reports of the test split are in data.texts, or downstream.weights have seen it")        \
    X(selection, "the metric was changed after results on this test split had been seen")

enum {
#define GUARD_INDEX(name, help) GUARD_##name,
    GUARDS(GUARD_INDEX)
#undef GUARD_INDEX
        GUARD_COUNT
};

/* The names as choices of the setting run.allow. */
#define GUARD_CHOICE(name, help) "|" #name
#define GUARD_NAMES (&(GUARDS(GUARD_CHOICE))[1])

#endif
