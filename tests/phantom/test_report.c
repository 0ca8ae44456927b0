/* Reports read back by a matcher that shares nothing with the grammar: a finding's words, in a sentence that
 * denies or not. */
#include "data/phantom/latents.h"
#include "data/phantom/phantom.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = 8, SENTENCE = 256 };

static const char *const words[PHANTOM_FINDINGS][WORDS] = {
    [PHANTOM_ENLARGED_CARDIOMEDIASTINUM] = {"mediastin"},
    [PHANTOM_CARDIOMEGALY] = {"cardiomegaly", "heart", "cardiac silhouette", "cardiomediastinal"},
    [PHANTOM_LUNG_OPACITY] = {"opacit", "lungs are clear", "expanded and clear"},
    [PHANTOM_LUNG_LESION] = {"nodul", "lung mass", "pulmonary mass", "lung lesion"},
    [PHANTOM_EDEMA] = {"edema"},
    [PHANTOM_CONSOLIDATION] = {"consolidation"},
    [PHANTOM_PNEUMONIA] = {"pneumonia"},
    [PHANTOM_ATELECTASIS] = {"atelectasis"},
    [PHANTOM_PNEUMOTHORAX] = {"pneumothorax"},
    [PHANTOM_PLEURAL_EFFUSION] = {"effusion"},
    [PHANTOM_PLEURAL_OTHER] = {"pleural thickening", "plaques"},
    [PHANTOM_FRACTURE] = {"fracture", "osseous"},
    [PHANTOM_SUPPORT_DEVICES] = {"tube", "catheter", "central line", "pacemaker", "wires", "support devices"},
    [PHANTOM_COVID_19] = {"covid-19"}};

static bool any_of(const char *sentence, const char *const list[WORDS])
{
    for (int k = 0; k < WORDS && list[k]; k++)
        if (strstr(sentence, list[k])) return true;
    return false;
}

static bool denies(const char *sentence)
{
    static const char *const hedges[WORDS] = {"cannot be excluded", "does not exclude"};
    static const char *const denials[WORDS] = {
        " no ", " not ", " normal", " clear ", "osseous structures are intact", "within normal"};
    return !any_of(sentence, hedges) && any_of(sentence, denials);
}

/* The next sentence in small letters between two blanks; returns what follows it. */
static const char *next_sentence(const char *p, char sentence[SENTENCE])
{
    size_t n = strcspn(p, ".");
    cr_assert_lt(n, SENTENCE - 4, "a sentence of %zu letters", n);
    sentence[0] = ' ';
    for (size_t k = 0; k < n; k++) sentence[1 + k] = (char)tolower((unsigned char)p[k]);
    strcpy(sentence + 1 + n, " ");
    p += n;
    return p + strspn(p, ". ");
}

/* 1 said to be there, 0 denied, -1 not mentioned, 2 both. */
static int reading(const char *report, phantom_finding finding)
{
    bool said = false, denied = false;
    char sentence[SENTENCE];
    for (const char *p = report; *p;) {
        p = next_sentence(p, sentence);
        if (!any_of(sentence, words[finding])) continue;
        if (denies(sentence))
            denied = true;
        else
            said = true;
    }
    return said && denied ? 2 : said ? 1 : denied ? 0 : -1;
}

Test(report, says_what_is_there_and_denies_what_is_not)
{
    int denied[PHANTOM_FINDINGS] = {0};
    for (uint32_t k = 0; k < 3000; k++) {
        phantom_study s;
        cr_assert_eq(phantom_make(k % 2 ? PHANTOM_CHEXPERT : PHANTOM_COVID, 12, k, 64, NULL, &s), OK);
        for (int f = 1; f < PHANTOM_FINDINGS; f++) {
            int read = reading(s.report, (phantom_finding)f);
            denied[f] += read == 0;
            if (s.findings[f])
                cr_assert_eq(read, 1, "%s is there (%d): %s", phantom_finding_names[f], read, s.report);
            else
                cr_assert_leq(read, 0, "%s is not there (%d): %s", phantom_finding_names[f], read, s.report);
        }
        bool normal = strstr(s.report, "cardiopulmonary") || strstr(s.report, "nremarkable") ||
                      strstr(s.report, "acute disease");
        cr_assert(!normal || s.findings[PHANTOM_NO_FINDING], "not normal: %s", s.report);
    }
    for (int f = 1; f < PHANTOM_COVID_19; f++)
        cr_assert_gt(denied[f], 20, "%s denied %d times", phantom_finding_names[f], denied[f]);
}

static bool hedged(const char *report)
{
    static const char *const list[WORDS] = {"ossible",     "may ",       "cannot be excluded",
                                            "uestionable", "borderline", "likely"};
    return any_of(report, list);
}

Test(report, hedges_what_can_hardly_be_seen)
{
    int faint = 0, faint_hedged = 0, plain = 0, plain_hedged = 0;
    for (uint32_t k = 0; k < 4000; k++) {
        latents l;
        char report[PHANTOM_REPORT_BYTES];
        latents_draw(PHANTOM_COVID, 2, k, &l);
        const site *s = &l.sites[PHANTOM_PNEUMONIA];
        int others = l.sites[PHANTOM_PLEURAL_EFFUSION].present + l.sites[PHANTOM_ATELECTASIS].present +
                     l.sites[PHANTOM_CARDIOMEGALY].present;
        if (!s->present || others > 0) continue;
        latents_report(&l, report);
        *(s->severity < 0.2F ? &faint : &plain) += 1;
        *(s->severity < 0.2F ? &faint_hedged : &plain_hedged) += hedged(report);
    }
    cr_assert_gt(faint, 50);
    cr_assert_gt(faint_hedged, faint / 2);
    cr_assert_lt(plain_hedged, plain / 6);
}

Test(report, names_the_side)
{
    static const phantom_finding sided[] = {PHANTOM_PNEUMOTHORAX, PHANTOM_PLEURAL_EFFUSION, PHANTOM_PNEUMONIA,
                                            PHANTOM_CONSOLIDATION};
    static const char *const sides[3][WORDS] = {{"right"}, {"left", "lingula"}, {"bilateral", "both"}};
    for (size_t f = 0; f < sizeof sided / sizeof sided[0]; f++)
        for (uint64_t k = 0; k < 120; k++) {
            latents l = {.seed = k};
            l.sites[sided[f]] = (site){.finding = sided[f],
                                       .present = true,
                                       .severity = 0.1F + 0.007F * (float)k,
                                       .side = (body_side)(k % 3),
                                       .zone = (lung_zone)(k / 3 % 3)};
            l.sites[PHANTOM_LUNG_OPACITY].present =
                sided[f] == PHANTOM_PNEUMONIA || sided[f] == PHANTOM_CONSOLIDATION;
            char report[PHANTOM_REPORT_BYTES], sentence[SENTENCE];
            latents_report(&l, report);
            bool named = false;
            for (const char *p = report; *p;) {
                p = next_sentence(p, sentence);
                bool about = any_of(sentence, words[sided[f]]) || strstr(sentence, "blunting");
                if (!about || denies(sentence)) continue;
                for (int side = 0; side < 3; side++)
                    cr_assert_eq(any_of(sentence, sides[side]), side == (int)(k % 3), "side %d: %s",
                                 (int)(k % 3), report);
                named = true;
            }
            cr_assert(named, "%s: %s", phantom_finding_names[sided[f]], report);
        }
}

Test(report, varies_in_words_and_order)
{
    static char reports[400][PHANTOM_REPORT_BYTES];
    int distinct = 0, lungs_first = 0, heart_first = 0;
    for (uint32_t k = 0; k < 400; k++) {
        phantom_study s;
        cr_assert_eq(phantom_make(PHANTOM_COVID, 31, k, 64, NULL, &s), OK);
        memcpy(reports[k], s.report, sizeof s.report);
        bool new = true;
        for (uint32_t j = 0; j < k && new; j++) new = strcmp(reports[j], reports[k]) != 0;
        distinct += new;
        const char *heart = strstr(s.report, "eart"), *pleura = strstr(s.report, "pneumothorax");
        if (heart && pleura) *(heart < pleura ? &heart_first : &lungs_first) += 1;
    }
    cr_assert_gt(distinct, 380);
    cr_assert(lungs_first > 40 && heart_first > 40);
}
