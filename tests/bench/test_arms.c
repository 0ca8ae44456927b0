#include "bench/arms.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <string.h>

static arm parsed(const char *name)
{
    arm a;
    cr_assert_eq(arm_parse(name, "x", &a), OK, "%s", err_message());
    return a;
}

Test(arms, names_become_canonical)
{
    cr_assert_str_eq(parsed("real").name, "real");
    cr_assert_str_eq(parsed("real+emixer+classic").name, "real+classic+emixer");
    cr_assert_str_eq(parsed("emixer+classic").name, "classic+emixer");
    cr_assert_str_eq(parsed("emixer").name, "emixer");
    cr_assert_str_eq(parsed("filtered+emixer+real").name, "real+emixer+filtered");
    cr_assert_str_eq(parsed("folder:a/b:c+real").name, "real+folder:a/b:c");
    cr_assert_str_eq(parsed("folder:a/b:c+real").folder, "a/b:c");
    static const char *const controls[] = {"real+duplicate", "real+shuffled", "real+pseudo", "real+oracle"};
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        arm a = parsed(controls[i]);
        cr_assert_str_eq(a.name, controls[i]);
        cr_assert(arm_mixes(&a));
        cr_assert_eq(arm_generates(&a), i == 1, "%s", a.name);
    }
}

Test(arms, folders_are_named_by_seed_and_shots)
{
    char source[ARM_SOURCE_BYTES];
    arm a = parsed("real+packed:x{seed}/{shots}-{seed}{se"), b = parsed("folder:y");
    arm_source(&a, 12, 3, source);
    cr_assert_str_eq(source, "packed:x12/3-12{se");
    arm_source(&b, 12, 3, source);
    cr_assert_str_eq(source, "folder:y");
    arm c = parsed("real+folder:y"), f = parsed("real+folder:y+filtered"), z = parsed("real+folder:z");
    cr_assert(arm_same_images(&b, &c));
    cr_assert(!arm_same_images(&c, &f) && !arm_same_images(&c, &z) && !arm_same_images(&a, &b));
}

Test(arms, only_real_and_synthetic_together_mix)
{
    arm real = parsed("real+classic"), both = parsed("real+emixer"), alone = parsed("emixer+classic");
    cr_assert(!arm_mixes(&real) && arm_mixes(&both) && !arm_mixes(&alone));
    cr_assert_float_eq(arm_only_ratio(&real), 0, 0);
    cr_assert_float_eq(arm_only_ratio(&alone), 1, 0);
}

Test(arms, bad_arms_are_refused)
{
    static const struct {
        const char *name, *says;
    } cases[] = {
        {"reel",
         "FILE:3: arm reel: there is no part \"reel\"; there are real, classic, emixer, folder:, packed:"},
        {"real+folder", "there is no part \"folder\""},
        {"real+folder:", "a folder of 1 to 191 characters must follow the ':'"},
        {"real+folder:a b", "blanks, quotes and backslashes"},
        {"real+filtered", "filtered is for emixer, folder:DIR or packed:DIR"},
        {"real+pseudo+filtered", "filtered is for emixer"},
        {"real+emixer+pseudo", "emixer and pseudo are both its synthetic part"},
        {"real+", "there is no part \"\""},
        {"", "there is no part \"\""},
        {"+real", "there is no part \"\""},
        {"real+real", "real and real are both its real part"},
        {"classic", "arm classic has no images"},
        {"Real", "there is no part \"Real\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        arm a;
        cr_assert_eq(arm_parse(cases[i].name, "FILE:3", &a), ERR_CONFIG, "%s", cases[i].name);
        cr_assert(message_has(cases[i].says));
    }
}

Test(arms, contrasts_find_arms_in_any_spelling)
{
    arm arms[] = {parsed("real"), parsed("real+classic+emixer")};
    contrast c;
    cr_assert_eq(contrast_parse("real+emixer+classic - real", arms, 2, "x", &c), OK, "%s", err_message());
    cr_assert_eq(c.arm, 1);
    cr_assert_eq(c.baseline, 0);
    cr_assert_eq(contrast_parse("real - real", arms, 2, "x", &c), ERR_CONFIG);
    cr_assert_eq(contrast_parse("real-real", arms, 2, "x", &c), ERR_CONFIG);
    cr_assert_eq(contrast_parse("real - emixer", arms, 2, "x", &c), ERR_CONFIG);
    cr_assert_eq(contrast_parse("real - emixer - real", arms, 2, "x", &c), ERR_CONFIG);
    cr_assert_eq(contrast_parse("", arms, 2, "x", &c), ERR_CONFIG);
}

Test(arms, default_contrasts_are_against_real_and_against_the_arm_without_synthetic_images)
{
    arm arms[] = {parsed("real"), parsed("real+classic"), parsed("real+emixer"),
                  parsed("real+classic+emixer"), parsed("emixer")};
    static const int wanted[][2] = {{1, 0}, {2, 0}, {3, 0}, {3, 1}, {4, 0}};
    contrast c[16];
    cr_assert_eq(contrasts_default(arms, 5, c, 16), 5);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(c[i].arm, wanted[i][0], "%d", i);
        cr_assert_eq(c[i].baseline, wanted[i][1], "%d", i);
    }
    arm filtered[] = {parsed("real"), parsed("real+emixer+filtered"), parsed("real+emixer")};
    cr_assert_eq(contrasts_default(filtered, 3, c, 16), 3);
    cr_assert(c[1].arm == 1 && c[1].baseline == 2);
    cr_assert_eq(contrasts_default(arms, 5, c, 2), 2);
    cr_assert_eq(contrasts_default(arms + 4, 1, c, 16), 0);
}
