#include "base/hash.h"

#include <criterion/criterion.h>

/* The values are those of the xxhash Python package (xxh3_128_hexdigest). */
Test(hash, bytes_give_the_known_xxh3_values)
{
    static unsigned char pattern[10240];
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (unsigned char)i;
    cr_expect_str_eq(hash_bytes("", 0).hex, "99aa06d3014798d86001c324468d497f");
    cr_expect_str_eq(hash_bytes("abc", 3).hex, "06b05ab6733a618578af5f94892f3950");
    cr_expect_str_eq(hash_bytes(pattern, sizeof pattern).hex, "1cb22534d0d96975c03d2231ab9348f3");
}

Test(hash, texts_are_joined_with_their_nuls)
{
    cr_expect_str_eq(hash_texts("ab", "c", NULL).hex, hash_bytes("ab\0c", 5).hex);
    cr_expect_str_neq(hash_texts("ab", "c", NULL).hex, hash_texts("a", "bc", NULL).hex);
    cr_expect_str_neq(hash_texts("ab", "", NULL).hex, hash_texts("ab", NULL).hex);
    cr_expect_str_neq(hash_texts("a", "b", NULL).hex, hash_texts("b", "a", NULL).hex);
}
