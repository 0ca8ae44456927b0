/* `bench data`: sets out of public data, what is in them, and out again. */
#include "bench/data_command.h"

#include "base/text.h"
#include "bench/commands.h"

#include <stdio.h>
#include <string.h>

typedef struct part {
    const char *name;
    err (*run)(int argc, char **argv);
    const char *help;
} part;

static const part parts[] = {
    {"import", data_import_main, "make a packed set of a public data set, or of your own images"},
    {"info", data_info_main, "what is in a packed set; a contact sheet"},
    {"split", data_split_main, "divide a packed set by patient, and write it down"},
    {"dedup", data_dedup_main, "find images that are there twice, or in another set, and leave them out"},
    {"export", data_export_main,
     "a packed set as PNG and CSV, as folders of classes, or as R2Gen's annotation.json"},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

static err print_help(void)
{
    text t = {0};
    text_printf(&t, "usage: bench data PART ...\n\n");
    for (int i = 0; i < PARTS; i++) text_printf(&t, "  %-7s %s\n", parts[i].name, parts[i].help);
    text_printf(&t, "\nA packed set is a folder of images.npy, labels.npy, labels.csv and samples.csv;\n"
                    "`data.source = packed:DIR` trains on it. `bench data PART --help` tells more.\n");
    return text_print(&t);
}

err data_main(int argc, char **argv)
{
    if (argc == 0)
        return err_set(ERR_USAGE, "data: import, info, split, dedup or export? see `bench data --help`");
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) return print_help();
    for (int i = 0; i < PARTS; i++)
        if (strcmp(argv[0], parts[i].name) == 0) return parts[i].run(argc - 1, argv + 1);
    return err_set(ERR_USAGE, "data %.60s: there is no such part; see `bench data --help`", argv[0]);
}
