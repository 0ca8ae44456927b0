/* `bench data split`. */
#include "bench/data_command.h"
#include "bench/flags.h"
#include "bench/privacy.h"
#include "data/split_file.h"

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t, "usage: bench data split SET [flags]\n\n"
            "Divides the patients of a packed set into train, validation and test, evenly over the classes,\n"
            "and writes the sides into the column `split` of its samples.csv, where all training finds\n"
            "them. Images without a patient are patients of their own.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

err data_split_main(int argc, char **argv)
{
    const char *folder;
    double validation = 0.1, test = 0.2;
    int seed = 0, count, sides[3];
    bool replace = false, help;
    const flag flags[] = {
        {"--validation", "SHARE", FLAG_REAL, &validation, 0, 0.9, "of the patients (0.1)"},
        {"--test", "SHARE", FLAG_REAL, &test, 0.001, 0.999, "of the patients (0.2)"},
        {"--seed", "N", FLAG_INTEGER, &seed, 0, 2147483647, "the same seed gives the same split (0)"},
        {"--replace", NULL, FLAG_SWITCH, &replace, 0, 0, "even if there is a split already"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("data split", argc, argv, flags, FLAGS, &folder, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count < 1) return err_set(ERR_USAGE, "bench data split SET; see `bench data split --help`");
    privacy_watch(folder);
    TRY(split_write(folder, validation, test, (uint64_t)seed, replace, sides));
    text t = {0};
    text_printf(&t, "%s: %d images train, %d validation, %d test\n", folder, sides[0], sides[1], sides[2]);
    return text_print(&t);
}
