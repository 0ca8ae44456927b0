/* newlocale, towlower_l and towupper_l are POSIX 2008. */
#include "data/report_text.h"

#include "base/utf8.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

typedef struct replacement {
    const char *from, *to;
    int times;
} replacement;

/* Only R2Gen's rules for MIMIC; then what both have. */
static const replacement mimic[] = {{"\n", " ", 1}, {"__", "_", 7}, {"  ", " ", 6}, {"..", ".", 8}};
static const replacement iu[] = {{"..", ".", 3}};
static const replacement numbering[] = {{"1. ", "", 1},     {". 2. ", ". ", 1}, {". 3. ", ". ", 1},
                                        {". 4. ", ". ", 1}, {". 5. ", ". ", 1}, {" 2. ", ". ", 1},
                                        {" 3. ", ". ", 1},  {" 4. ", ". ", 1},  {" 5. ", ". ", 1}};

/* Replaces every occurrence, from left to right and none that overlap, as Python's str.replace. */
static void replace_once(text *t, const replacement *r)
{
    text out = {0};
    const char *at = t->data ? t->data : "";
    for (const char *found; (found = strstr(at, r->from)); at = found + strlen(r->from)) {
        text_bytes(&out, at, (size_t)(found - at));
        text_bytes(&out, r->to, strlen(r->to));
    }
    text_bytes(&out, at, strlen(at));
    out.failed |= t->failed;
    text_close(t);
    *t = out;
}

static void replace_all(text *t, const replacement *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < list[i].times && strstr(t->data ? t->data : "", list[i].from); k++)
            replace_once(t, &list[i]);
}

/* Changes the case of letters beyond ASCII by Unicode's tables, whatever the user's locale. */
typedef struct letters {
    locale_t locale; /* opened at the first such letter */
} letters;

static err fold(letters *l, uint32_t *code, bool small)
{
    if (*code < 0x80) {
        if (small && *code >= 'A' && *code <= 'Z') *code += 'a' - 'A';
        if (!small && *code >= 'a' && *code <= 'z') *code -= 'a' - 'A';
        return OK;
    }
    if (!l->locale) l->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!l->locale)
        return err_set_errno(ERR_UNAVAILABLE, "the locale C.UTF-8, which knows letters beyond ASCII");
    *code = (uint32_t)(small ? towlower_l((wint_t)*code, l->locale) : towupper_l((wint_t)*code, l->locale));
    return OK;
}

static void letters_close(letters *l)
{
    if (l->locale) freelocale(l->locale);
}

static err lower(const char *from, text *out)
{
    letters l = {0};
    err error = OK;
    for (const char *c = from; *c && error == OK;) {
        uint32_t code;
        c += utf8_next(c, &code);
        error = fold(&l, &code, true);
        utf8_append(out, code);
    }
    letters_close(&l);
    return error;
}

static err check_utf8(const char *report)
{
    size_t offset;
    if (utf8_check(report, &offset)) return OK;
    return err_set(ERR_DATA, "the report is not UTF-8 at byte %zu (0x%02x); convert it first", offset,
                   (unsigned)(unsigned char)report[offset]);
}

/* Where the text without white space at its ends begins; *n is its length. */
static const char *strip(const char *s, size_t *n)
{
    uint32_t code;
    while (*s) {
        int length = utf8_next(s, &code);
        if (!utf8_is_space(code)) break;
        s += length;
    }
    *n = 0;
    for (const char *c = s; *c;) {
        c += utf8_next(c, &code);
        if (!utf8_is_space(code)) *n = (size_t)(c - s);
    }
    return s;
}

/* Appends the tokens of one sentence without the characters that cleaning drops, then ".". */
static void append_sentence(const char *from, const char *end, text *out)
{
    static const char dropped[] = "\"'/\\.,?;*!%^&_+():<=>@[]{}";
    bool in_word = false;
    for (const char *c = from; c < end;) {
        uint32_t code;
        int length = utf8_next(c, &code);
        if (utf8_is_space(code)) {
            in_word = false;
        } else if (code >= 0x80 || !strchr(dropped, (int)code)) {
            if (!in_word && out->length > 0) text_bytes(out, " ", 1);
            text_bytes(out, c, (size_t)length);
            in_word = true;
        }
        c += length;
    }
    text_printf(out, out->length > 0 ? " ." : ".");
}

/* Sentences part at ". "; `from` is in small letters and ends at `end`. */
static err append_sentences(const char *from, const char *end, text *out)
{
    text cleaned = {0};
    for (;;) {
        const char *stop = strstr(from, ". ");
        bool last = !stop || stop + 2 > end;
        append_sentence(from, last ? end : stop, &cleaned);
        if (last) break;
        from = stop + 2;
    }
    err error = text_check(&cleaned);
    if (error == OK) text_bytes(out, cleaned.data, cleaned.length);
    text_close(&cleaned);
    return error;
}

err report_clean(const char *report, report_rules rules, text *out)
{
    TRY(check_utf8(report));
    text work = {0}, small = {0};
    text_printf(&work, "%s", report);
    if (rules == REPORT_RULES_MIMIC)
        replace_all(&work, mimic, sizeof mimic / sizeof mimic[0]);
    else
        replace_all(&work, iu, sizeof iu / sizeof iu[0]);
    replace_all(&work, numbering, sizeof numbering / sizeof numbering[0]);
    err error = text_check(&work);
    if (error == OK) error = lower(work.data, &small);
    text_bytes(&small, "", 0);
    if (error == OK) error = text_check(&small);
    if (error == OK) {
        size_t n;
        const char *from = strip(small.data, &n);
        error = append_sentences(from, from + n, out);
    }
    text_close(&work);
    text_close(&small);
    return error == OK ? text_check(out) : error;
}

/* What is written in capitals wherever it stands, in the small letters that cleaning leaves. */
static const char *const capitals[] = {"aicd", "ap",  "cabg", "chf", "copd", "covid-19", "ct", "gi",  "icd",
                                       "ij",   "ivc", "mri",  "pa",  "picc", "svc",      "tb", "xxxx"};

static bool is_capitals(const char *word, size_t n)
{
    for (size_t k = 0; k < sizeof capitals / sizeof capitals[0]; k++)
        if (strlen(capitals[k]) == n && memcmp(capitals[k], word, n) == 0) return true;
    return false;
}

/* Length of the word at c, which is not white space. */
static size_t word_length(const char *c)
{
    size_t n = 0;
    for (uint32_t code; c[n];) {
        int length = utf8_next(c + n, &code);
        if (utf8_is_space(code)) break;
        n += (size_t)length;
    }
    return n;
}

static err append_word(letters *l, const char *word, size_t n, bool opens, text *out)
{
    bool all = is_capitals(word, n);
    for (size_t k = 0; k < n;) {
        uint32_t code;
        int length = utf8_next(word + k, &code);
        if (all || (opens && k == 0)) TRY(fold(l, &code, false));
        utf8_append(out, code);
        k += (size_t)length;
    }
    return OK;
}

err report_readable(const char *cleaned, text *out)
{
    TRY(check_utf8(cleaned));
    letters l = {0};
    err error = OK;
    bool opens = true, first = true; /* the next word opens a sentence; opens the text */
    for (const char *c = cleaned; *c && error == OK;) {
        uint32_t code;
        int length = utf8_next(c, &code);
        size_t n = word_length(c);
        if (n == 0) {
            c += length;
            continue;
        }
        bool stop = n == 1 && *c == '.';
        if (stop && !opens) text_bytes(out, ".", 1);
        if (!stop) {
            if (!first) text_bytes(out, " ", 1);
            error = append_word(&l, c, n, opens, out);
            first = false;
        }
        opens = stop;
        c += n;
    }
    letters_close(&l);
    text_bytes(out, "", 0);
    return error == OK ? text_check(out) : error;
}

static err clean_all(const dataset *set, report_rules rules, report_texts *out)
{
    text cleaned = {0};
    err error = OK;
    for (int i = 0; i < set->n && error == OK; i++) {
        const sample_info *sample = &set->samples[i];
        out->cleaned[i] = NULL;
        if (!sample->report[0]) continue;
        cleaned.length = 0;
        error = report_clean(sample->report, rules, &cleaned);
        if (error == OK) out->cleaned[i] = string_keep(&out->strings, cleaned.data, cleaned.length);
        if (error == OK && !out->cleaned[i]) error = err_set(ERR_SYSTEM, "out of memory for cleaned reports");
        if (error != OK) (void)err_context(error, "sample \"%s\"", sample->id);
    }
    text_close(&cleaned);
    return error;
}

err report_texts_open(const dataset *set, report_rules rules, report_texts *out)
{
    *out = (report_texts){.n = set->n, .cleaned = malloc(((size_t)set->n + 1) * sizeof *out->cleaned)};
    if (!out->cleaned) return err_set(ERR_SYSTEM, "out of memory for %d reports", set->n);
    err error = clean_all(set, rules, out);
    if (error != OK) report_texts_close(out);
    return error;
}

void report_texts_close(report_texts *t)
{
    if (!t) return;
    free(t->cleaned);
    string_store_close(&t->strings);
    *t = (report_texts){0};
}
