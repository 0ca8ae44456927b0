/* How fast JPEG files are imported, against libjpeg alone on as many cores: import_rate N [SIDE] makes N and
 * 4N gray JPEG files of the phantom in a temporary folder, of SIDE x SIDE pixels (128), and prints images a
 * second and the peak of the memory of the process that imports them to 128 x 128 pixels. */
#define _DEFAULT_SOURCE /* wait4 */
#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "data/importers/importer.h"
#include "data/phantom/phantom.h"

#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
/* libjpeg's header wants stdio's before it. */
#include <jpeglib.h>

enum { SIZE = 128, SIDE_MOST = 2048, DRAWN = 200 };

static int side = SIZE;

static char folder[] = "/tmp/bench-import-rate-XXXXXX";

static void must(bool good, const char *what)
{
    if (good) return;
    (void)fprintf(stderr, "import_rate: %s: %s\n", what, err_message());
    (void)folder_remove(folder);
    exit(EXIT_FAILURE);
}

static unsigned char *encode(uint8_t *pixels, unsigned long *n)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, n);
    jpeg.image_width = jpeg.image_height = (JDIMENSION)side;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = pixels + (size_t)jpeg.next_scanline * (size_t)side;
        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return bytes;
}

static void name_file(int i, char out[PATH_BYTES])
{
    must(path_join(out, folder, "images/%03d/%d.jpg", i / 1000, i) == OK, "path");
}

static void write_plainly(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    must(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0, path);
}

static int make_files(int n)
{
    static uint8_t pixels[SIDE_MOST * SIDE_MOST];
    unsigned char *bytes[DRAWN];
    unsigned long lengths[DRAWN] = {0};
    char path[PATH_BYTES];
    text manifest = {0};
    for (uint32_t i = 0; i < DRAWN; i++) {
        must(phantom_make(PHANTOM_CHEXPERT, 1, i, side, pixels, NULL) == OK, "phantom");
        bytes[i] = encode(pixels, &lengths[i]);
    }
    text_printf(&manifest, "path,labels\n");
    for (int i = 0; i < n; i++) {
        name_file(i, path);
        if (i % 1000 == 0) {
            path[strlen(path) - strlen(strrchr(path, '/'))] = '\0';
            must(folder_make(path) == OK, "folder");
            name_file(i, path);
        }
        write_plainly(path, bytes[i % DRAWN], lengths[i % DRAWN]);
        text_printf(&manifest, "%s,x\n", path + strlen(folder) + 1);
    }
    for (int i = 0; i < DRAWN; i++) free(bytes[i]);
    must(path_join(path, folder, "manifest.csv") == OK && text_check(&manifest) == OK, "manifest");
    write_plainly(path, manifest.data, manifest.length);
    text_close(&manifest);
    return EXIT_SUCCESS;
}

/* One file by libjpeg as it comes. */
static void decode(int i)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    char path[PATH_BYTES];
    JSAMPLE row[SIDE_MOST];
    JSAMPROW rows[1] = {row};
    name_file(i, path);
    FILE *file = fopen(path, "rb");
    must(file, path);
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, file);
    (void)jpeg_read_header(&jpeg, TRUE);
    (void)jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) (void)jpeg_read_scanlines(&jpeg, rows, 1);
    (void)jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    (void)fclose(file);
}

static int decode_all(int n)
{
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) decode(i);
    return EXIT_SUCCESS;
}

static int import_all(int n)
{
    char out[PATH_BYTES];
    import_options o = import_defaults;
    import_result result;
    must(path_join(out, folder, "set") == OK && folder_remove(out) == OK, "set");
    o.kind = "manifest";
    o.folder = folder;
    o.out = out;
    o.size = SIZE;
    must(import_set(&o, &result) == OK, "import");
    return result.images == n ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The seconds that work(n) takes in a process of its own, and the peak of that one's memory. All that has
 * threads is done by such a process: the child of one that has had some waits for them for ever. */
static double apart(int (*work)(int), int n, double *mebibytes)
{
    int status;
    struct rusage usage;
    double start = clock_seconds();
    pid_t child = fork();
    if (child == 0) _exit(work(n));
    must(wait4(child, &status, 0, &usage) == child && status == 0, "a process");
    *mebibytes = (double)usage.ru_maxrss / 1024;
    return clock_seconds() - start;
}

static void measure(int n)
{
    double unused, mebibytes;
    (void)apart(make_files, n, &unused);
    double imported = apart(import_all, n, &mebibytes), decoded = apart(decode_all, n, &unused),
           again = apart(import_all, n, &mebibytes);
    if (again < imported) imported = again;
    (void)printf("%d images of %d x %d on %d cores: libjpeg alone %.0f images/s, import %.0f images/s "
                 "(%.0f%%), peak %.1f MiB\n",
                 n, side, side, omp_get_num_procs(), n / decoded, n / imported, 100 * decoded / imported,
                 mebibytes);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 5000;
    if (argc > 2) side = atoi(argv[2]);
    must(n > 0 && side >= SIZE && side <= SIDE_MOST && mkdtemp(folder), "import_rate N [SIDE]");
    measure(n);
    measure(4 * n);
    return folder_remove(folder) == OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
