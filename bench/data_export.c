/* `bench data export`. */
#include "bench/data_command.h"
#include "bench/flags.h"
#include "bench/interrupt.h"
#include "bench/privacy.h"
#include "bench/tally.h"
#include "data/export.h"

#include <string.h>

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench data export SET --out DIR [flags]\n\n"
        "Writes a packed set for other programs:\n\n"
        "  csv          images/000001.png, ... and manifest.csv, which `bench data import manifest` reads\n"
        "  imagefolder  CLASS/000001.png, ..., or train/CLASS/... if there is a split: torchvision's\n"
        "               ImageFolder; one label an image\n"
        "  r2gen        images/000001.png, ... and annotation.json, of the images with a report\n\n"
        "In manifest.csv an apostrophe stands before what a spreadsheet would take for a formula.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

static export_format format_of(const char *name)
{
    return strcmp(name, "csv") == 0     ? EXPORT_CSV
           : strcmp(name, "r2gen") == 0 ? EXPORT_R2GEN
                                        : EXPORT_IMAGE_FOLDER;
}

err data_export_main(int argc, char **argv)
{
    const char *folder, *out = NULL, *format = "csv";
    int count;
    long written;
    bool quiet = false, include_private = false, help;
    tally done;
    const flag flags[] = {
        {"--out", "DIR", FLAG_TEXT, &out, 0, 0, "a new folder"},
        {"--format", "csv|imagefolder|r2gen", FLAG_TEXT, &format, 0, 0, "(csv)"},
        {"--include-private", NULL, FLAG_SWITCH, &include_private, 0, 0, privacy_help},
        {"--quiet", NULL, FLAG_SWITCH, &quiet, 0, 0, "no progress on stderr"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("data export", argc, argv, flags, FLAGS, &folder, 1, &count, &help));
    if (help) return print_help(flags, FLAGS);
    if (count < 1 || !out)
        return err_set(ERR_USAGE, "bench data export SET --out DIR; see `bench data export --help`");
    privacy_watch(folder);
    TRY(privacy_allow(include_private, folder));
    interrupt_catch();
    tally_start(&done, "images written", quiet);
    err error = export_set(folder, format_of(format), out, tally_tell, &done, &written);
    tally_end(&done);
    if (error != OK) return error;
    text t = {0};
    text_printf(&t, "%s: %ld images\n", out, written);
    return text_print(&t);
}
