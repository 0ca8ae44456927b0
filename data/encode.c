/* Reports as token ids, and back. */
#include "data/vocabulary.h"

#include <string.h>

static const char white_space[] = " \t\r\n\v\f";

int report_encode(const vocabulary *v, const char *cleaned, int length, int *ids)
{
    int n = 0;
    ids[n++] = TOKEN_BEGIN;
    const char *at = cleaned + strspn(cleaned, white_space);
    while (*at && n < length) {
        size_t word = strcspn(at, white_space);
        ids[n++] = vocabulary_id(v, at, word);
        at += word;
        at += strspn(at, white_space);
    }
    if (n < length) ids[n++] = TOKEN_END;
    for (int k = n; k < length; k++) ids[k] = TOKEN_PAD;
    return n;
}

int report_encode_sentences(const vocabulary *v, const char *cleaned, int sentences, int words, int *ids,
                            int *counts)
{
    for (int k = 0; k < sentences * words; k++) ids[k] = TOKEN_PAD;
    for (int s = 0; s < sentences; s++) counts[s] = 0;
    int s = 0;
    const char *at = cleaned + strspn(cleaned, white_space);
    while (*at && s < sentences) {
        size_t word = strcspn(at, white_space);
        if (word == 1 && *at == '.')
            s += counts[s] > 0;
        else if (counts[s] < words)
            ids[s * words + counts[s]++] = vocabulary_id(v, at, word);
        at += word;
        at += strspn(at, white_space);
    }
    return s < sentences && counts[s] > 0 ? s + 1 : s;
}

static err append_token(const vocabulary *v, int id, text *out)
{
    if (id < 0 || id >= vocabulary_size(v))
        return err_set(ERR_USAGE, "token id %d: the vocabulary has 0 to %d", id, vocabulary_size(v) - 1);
    if (id == TOKEN_PAD || id == TOKEN_BEGIN) return OK;
    text_printf(out, "%s%s", out->length > 0 ? " " : "", vocabulary_token(v, id));
    return OK;
}

err report_decode(const vocabulary *v, const int *ids, int n, text *out)
{
    text here = {0};
    err error = OK;
    for (int k = 0; k < n && ids[k] != TOKEN_END && error == OK; k++) error = append_token(v, ids[k], &here);
    if (error == OK) error = text_check(&here);
    if (error == OK) text_bytes(out, here.data, here.length);
    text_close(&here);
    return error == OK ? text_check(out) : error;
}

err report_decode_sentences(const vocabulary *v, const int *ids, const int *counts, int sentences, int words,
                            text *out)
{
    text report = {0};
    err error = OK;
    for (int s = 0; s < sentences && error == OK; s++) {
        if (counts[s] < 0 || counts[s] > words)
            error = err_set(ERR_USAGE, "sentence %d has %d words; 0 to %d", s, counts[s], words);
        size_t before = report.length;
        if (error == OK && before > 0) text_bytes(&report, " ", 1);
        if (error == OK) error = report_decode(v, ids + s * words, counts[s], &report);
        if (error == OK && report.length > before + (before > 0))
            text_bytes(&report, " .", 2);
        else
            report.length = before;
    }
    if (error == OK) error = text_check(&report);
    if (error == OK) text_bytes(out, report.data, report.length);
    text_close(&report);
    return error == OK ? text_check(out) : error;
}
