#include "data/importers/sections.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { HEADING_MOST = 60 };

/* The length of "  NAME OF A SECTION:" that a line opens with, 0 if it opens with something else. */
static size_t heading_length(const char *line)
{
    size_t n = strspn(line, " \t"), start = n;
    while (isupper((unsigned char)line[n]) || isdigit((unsigned char)line[n]) ||
           (line[n] && strchr(" /&()-", line[n])))
        n++;
    bool heading =
        line[n] == ':' && isupper((unsigned char)line[start]) && n - start > 2 && n - start < HEADING_MOST;
    return heading ? n + 1 : 0;
}

/* Whether a word is part of the first n bytes. */
static bool names(const char *heading, size_t n, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= n; i++)
        if (strncmp(heading + i, word, length) == 0) return true;
    return false;
}

/* Appends n bytes, white space as single blanks and none at the ends. */
static void append(const char *from, size_t n, text *out)
{
    for (size_t i = 0; i < n;) {
        while (i < n && isspace((unsigned char)from[i])) i++;
        size_t word = i;
        while (i < n && !isspace((unsigned char)from[i])) i++;
        if (i > word && out->length > 0) text_bytes(out, " ", 1);
        text_bytes(out, from + word, i - word);
    }
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

/* Puts each line where its section belongs. */
static void share_out(const char *report, text *findings, text *impression)
{
    text *into = NULL;
    for (const char *line = report, *next; *line; line = next) {
        next = next_line(line);
        size_t heading = heading_length(line);
        if (heading > 0)
            into = names(line, heading, "FINDING")      ? findings
                   : names(line, heading, "IMPRESSION") ? impression
                                                        : NULL;
        if (into) append(line + heading, (size_t)(next - line) - heading, into);
    }
}

/* The start of the last lines that have no empty line between them. */
static const char *last_paragraph(const char *report)
{
    const char *start = report;
    bool blank = false;
    for (const char *line = report, *next; *line; line = next) {
        next = next_line(line);
        bool empty = strspn(line, " \t\r\n") >= (size_t)(next - line);
        if (!empty && blank) start = line;
        blank = empty;
    }
    return start;
}

void sections_find(const char *report, text *findings, text *impression)
{
    static const char title[] = "FINAL REPORT";
    const char *body = strstr(report, title);
    body = body ? body + strlen(title) : report;
    text_bytes(findings, "", 0);
    text_bytes(impression, "", 0);
    share_out(body, findings, impression);
    if (findings->length > 0 || impression->length > 0) return;
    const char *last = last_paragraph(body);
    size_t heading = heading_length(last);
    append(last + heading, strlen(last) - heading, findings);
}
