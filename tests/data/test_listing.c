#include "data/listing.h"

#include "scratch.h"

#include <unistd.h>

TestSuite(listing, .init = scratch_make, .fini = scratch_drop);

Test(listing, paths_that_stay_below)
{
    static const char *const good[] = {"a", "a/b.png", "./a", "a..b/c", "..a", "a/..b", "a/b..", "..."};
    static const char *const bad[] = {"",     "/",      "/a",        "..",    "../a",
                                      "a/..", "a/../b", "a/../../b", ".//..", "a//.."};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(path_is_relative(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(path_is_relative(bad[i]), "%s", bad[i]);
}

Test(listing, files_are_found_only_inside_the_folder)
{
    data_root root;
    char path[PATH_BYTES];
    ASSERT_OK(folder_make(in_scratch("set/images/inner")));
    ASSERT_OK(folder_make(in_scratch("set-aside")));
    put_text("set/images/1.png", "x");
    put_text("set-aside/2.png", "x");
    cr_assert_eq(symlink("images", in_scratch("set/alias")), 0);
    cr_assert_eq(symlink("../set-aside", in_scratch("set/aside")), 0);
    cr_assert_eq(symlink("../set-aside/2.png", in_scratch("set/2.png")), 0);
    cr_assert_eq(symlink("nowhere", in_scratch("set/dangling")), 0);
    cr_assert_eq(symlink("../set/images/1.png", in_scratch("set-aside/back.png")), 0);
    cr_assert_eq(symlink("../../set-aside/2.png", in_scratch("set/images/out.png")), 0);
    ASSERT_OK(data_root_open(in_scratch("set"), "a data set", &root));
    ASSERT_OK(data_root_file(&root, "images/1.png", path));
    cr_expect_str_eq(path, in_scratch("set/images/1.png"));
    ASSERT_OK(data_root_file(&root, "alias/1.png", path));
    EXPECT_ERROR(data_root_file(&root, "aside/2.png", path), ERR_DATA, "leaves");
    /* Where a file was found, other files may be taken without another look at the folders above, links not.
     */
    ASSERT_OK(data_root_file(&root, "images/1.png", path));
    ASSERT_OK(data_root_file(&root, "images/1.png", path));
    EXPECT_ERROR(data_root_file(&root, "images/out.png", path), ERR_DATA, "leaves");
    EXPECT_ERROR(data_root_file(&root, "images/inner", path), ERR_DATA, "is not a file");
    ASSERT_OK(data_root_file(&root, "aside/back.png", path));
    EXPECT_ERROR(data_root_file(&root, "aside/2.png", path), ERR_DATA, "leaves");
    EXPECT_ERROR(data_root_file(&root, "2.png", path), ERR_DATA, "leaves");
    EXPECT_ERROR(data_root_file(&root, "dangling", path), ERR_DATA, "leads nowhere");
    EXPECT_ERROR(data_root_file(&root, "../set-aside/2.png", path), ERR_DATA, "leaves the data set's folder");
    EXPECT_ERROR(data_root_file(&root, in_scratch("set/images/1.png"), path), ERR_DATA, "leaves");
    EXPECT_ERROR(data_root_file(&root, "", path), ERR_DATA, "no file's name");
    EXPECT_ERROR(data_root_file(&root, "images", path), ERR_DATA, "is not a file");
    EXPECT_ERROR(data_root_file(&root, "images/3.png", path), ERR_NO_INPUT, "images/3.png: is missing");
    data_root_close(&root);
}
