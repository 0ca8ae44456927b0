/* The labeller's table in memory. Private to downstream/.
 *
 * A CSV file with the columns label,says,phrase (others, such as `note`, are for its readers). A row says
 * what a phrase (downstream/pattern.h) means. Of a label:
 *
 * - present, doubtful, absent: the phrase affirms, doubts or denies it, by itself;
 * - not meant: what looks like the label within this phrase is not it.
 *
 * The label "(other finding)" has none of its own, but can be the alternative to one. With the label "*":
 *
 * - denies what follows, denies what precedes, doubts what follows, doubts what precedes, ignores what
 * follows: of the same clause;
 * - or: doubts both neighbours, if there are two and nothing denies them;
 * - versus: doubts its neighbours;
 * - ends a clause, is a verb: what denials and doubts reach no farther than;
 * - is an abbreviation: its full stop ends no sentence;
 * - not meant: nothing within the phrase counts. */
#ifndef DOWNSTREAM_RULES_H
#define DOWNSTREAM_RULES_H

#include "base/strings.h"
#include "downstream/pattern.h"

typedef enum rule_kind {
    RULE_PRESENT,
    RULE_DOUBTFUL,
    RULE_ABSENT,
    RULE_NOT_MEANT,
    RULE_DENIES_NEXT,
    RULE_DENIES_LAST,
    RULE_DOUBTS_NEXT,
    RULE_DOUBTS_LAST,
    RULE_IGNORES_NEXT,
    RULE_OR,
    RULE_VERSUS,
    RULE_END,
    RULE_VERB,
    RULE_ABBREVIATION,
    RULE_KINDS
} rule_kind;

enum { MOST_LABELS = 64, LABEL_ANY = -1, LABEL_OTHER = -2 };

typedef struct rule {
    rule_kind kind;
    int label; /* index, LABEL_ANY ("*") or LABEL_OTHER ("(other finding)") */
    pattern pattern;
} rule;

typedef struct rules {
    rule *items; /* (n) */
    int n;
    const char *labels[MOST_LABELS]; /* (n_labels) */
    int n_labels;
    string_store strings;
} rules;

/* ERR_DATA naming file and line: a column that is missing, a word of `says` that is not one of the above, one
 * that does not go with the label, a bad phrase, the same row twice, no label, or too many. On failure, too,
 * the rules are to be closed. */
err rules_open(const char *path, rules *out);

/* From n bytes in memory; `name` stands for the file in messages. */
err rules_parse(const char *name, const char *bytes, size_t n, rules *out);
void rules_close(rules *r);

#endif
