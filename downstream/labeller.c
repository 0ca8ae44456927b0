#include "downstream/labeller.h"

#include "downstream/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char built_in[] = {
#include "generated/labeller_rules.inc"
};

struct labeller {
    rules rules;
    int no_finding, support_devices; /* labels, or -1 */
};

/* A rule's match: words [start, end) of a sentence. */
typedef struct span {
    const rule *rule;
    int start, end;
    bool dropped;
} span;

typedef struct spans {
    span *items;
    int n, capacity;
} spans;

/* One sentence while it is read. */
typedef struct reading {
    const labeller *l;
    sentence words;
    marked_sentence marked;
    spans mentions, cues, not_meant;
    bool normal; /* the report calls something normal in so many words */
    mention *out;
} reading;

err labeller_open(const char *path, labeller **out)
{
    labeller *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l) return err_set(ERR_SYSTEM, "out of memory for a labeller");
    err error = path ? rules_open(path, &l->rules)
                     : rules_parse("labeller_rules.csv", built_in, sizeof built_in, &l->rules);
    if (error != OK) {
        labeller_close(l);
        return error;
    }
    l->no_finding = labeller_find(l, "No Finding");
    l->support_devices = labeller_find(l, "Support Devices");
    *out = l;
    return OK;
}

void labeller_close(labeller *l)
{
    if (!l) return;
    rules_close(&l->rules);
    free(l);
}

int labeller_labels(const labeller *l)
{
    return l->rules.n_labels;
}

const char *labeller_label(const labeller *l, int k)
{
    return l->rules.labels[k];
}

int labeller_find(const labeller *l, const char *name)
{
    for (int k = 0; k < l->rules.n_labels; k++)
        if (strcmp(l->rules.labels[k], name) == 0) return k;
    return -1;
}

static err add_span(spans *list, span s)
{
    if (list->n == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 64;
        span *grown = realloc(list->items, (size_t)capacity * sizeof *grown);
        if (!grown) return err_set(ERR_SYSTEM, "out of memory for the findings of a report");
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->n++] = s;
    return OK;
}

static bool is_abbreviation(const void *context, const char *word)
{
    const labeller *l = context;
    for (int k = 0; k < l->rules.n; k++)
        if (l->rules.items[k].kind == RULE_ABBREVIATION && pattern_is_word(&l->rules.items[k].pattern, word))
            return true;
    return false;
}

/* Sets the flags of the words of all matches of a kind of rule. */
static void flag(const reading *r, rule_kind kind, bool value, bool *flags)
{
    for (int k = 0; k < r->l->rules.n; k++) {
        const rule *which = &r->l->rules.items[k];
        if (which->kind != kind || which->label != LABEL_ANY) continue;
        for (int at = 0; at < r->words.n; at++) {
            int end = pattern_match(&which->pattern, &r->marked, at);
            for (int w = at; w < end; w++) flags[w] = value;
        }
    }
}

/* Marks verbs and the ends of clauses, which gaps must know before anything else is matched. */
static void mark(reading *r)
{
    r->marked = (marked_sentence){.words = &r->words};
    flag(r, RULE_END, true, r->marked.end);
    flag(r, RULE_VERB, true, r->marked.verb);
    flag(r, RULE_NOT_MEANT, false, r->marked.end); /* "consistent with" */
}

static spans *list_of(reading *r, const rule *which)
{
    switch (which->kind) {
    case RULE_PRESENT:
    case RULE_DOUBTFUL:
    case RULE_ABSENT:
        return &r->mentions;
    case RULE_NOT_MEANT:
        return &r->not_meant;
    case RULE_END:
    case RULE_VERB:
    case RULE_ABBREVIATION:
    case RULE_KINDS:
        return NULL;
    default:
        return &r->cues;
    }
}

static err match_all(reading *r)
{
    r->mentions.n = r->cues.n = r->not_meant.n = 0;
    for (int k = 0; k < r->l->rules.n; k++) {
        const rule *which = &r->l->rules.items[k];
        spans *list = list_of(r, which);
        for (int at = 0; list && at < r->words.n; at++) {
            int end = pattern_match(&which->pattern, &r->marked, at);
            if (end >= 0) TRY(add_span(list, (span){which, at, end, false}));
        }
    }
    return OK;
}

static bool within(const span *inner, const span *outer)
{
    return inner->start >= outer->start && inner->end <= outer->end;
}

static bool overlap(const span *a, const span *b)
{
    return a->start < b->end && b->start < a->end;
}

/* "Borderline cardiomegaly" is a doubt, though "cardiomegaly" is none. */
static void drop_within_doubtful(reading *r)
{
    for (int k = 0; k < r->mentions.n; k++) {
        const span *d = &r->mentions.items[k];
        if (d->rule->kind != RULE_DOUBTFUL || d->dropped) continue;
        for (int i = 0; i < r->mentions.n; i++) {
            span *m = &r->mentions.items[i];
            if (within(m, d) && m->rule->label == d->rule->label && m->rule->kind == RULE_PRESENT)
                m->dropped = true;
        }
    }
}

/* Drops a label's phrases that share a word with what is not meant for it, and all that lies within what is
 * meant for none. */
static void drop_not_meant(reading *r, const span *n)
{
    bool any = n->rule->label == LABEL_ANY;
    for (int i = 0; i < r->mentions.n; i++) {
        span *m = &r->mentions.items[i];
        m->dropped |= any ? within(m, n) : m->rule->label == n->rule->label && overlap(m, n);
    }
    for (int i = 0; i < r->cues.n && any; i++) r->cues.items[i].dropped |= within(&r->cues.items[i], n);
}

/* Drops what is not meant, and cues that are part of a longer one ("excluded" in "cannot be excluded"). */
static void drop(reading *r)
{
    for (int k = 0; k < r->not_meant.n; k++) drop_not_meant(r, &r->not_meant.items[k]);
    for (int i = 0; i < r->cues.n; i++)
        for (int k = 0; k < r->cues.n; k++) {
            span *c = &r->cues.items[i];
            const span *longer = &r->cues.items[k];
            if (within(c, longer) && longer->end - longer->start > c->end - c->start) c->dropped = true;
        }
    drop_within_doubtful(r);
}

/* Whether a word of [from, to) ends a clause or, if asked, is a verb or a comma. */
static bool is_cut(const reading *r, int from, int to, bool verbs, bool commas)
{
    for (int w = from; w < to; w++)
        if (r->marked.end[w] || (verbs && r->marked.verb[w]) || (commas && *r->words.words[w] == ','))
            return true;
    return false;
}

/* A denial or doubt reaches forward over commas to the last word of a phrase ("heart is not enlarged"), but
 * over no verb. */
static bool reaches_next(const reading *r, const span *cue, const span *m)
{
    return m->end > cue->end && !is_cut(r, cue->end, m->end - 1, true, false);
}

static bool reaches_last(const reading *r, const span *cue, const span *m)
{
    return m->end <= cue->start && !is_cut(r, m->end, cue->start, true, true);
}

/* The mention nearest to a cue on one side, in reach; -1 if there is none. */
static int neighbour(const reading *r, const span *cue, bool next)
{
    enum { REACH = 6 };
    int best = -1, distance = REACH + 1;
    for (int i = 0; i < r->mentions.n; i++) {
        const span *m = &r->mentions.items[i];
        if (m->dropped) continue;
        int here = next ? m->start - cue->end : cue->start - m->end;
        bool in_reach = here >= 0 && (next ? !is_cut(r, cue->end, m->start, true, false)
                                           : !is_cut(r, m->end, cue->start, true, here > 1));
        if (in_reach && here < distance) {
            distance = here;
            best = i;
        }
    }
    return best;
}

/* Whether `m` is an alternative of the cue "or" or "versus"; two words for one label are none
 * ("nodule/mass"). */
static bool is_alternative(const reading *r, const span *cue, const span *m)
{
    int last = neighbour(r, cue, false), next = neighbour(r, cue, true);
    if (cue->rule->kind == RULE_OR && (last < 0 || next < 0)) return false;
    if (last >= 0 && next >= 0 && r->mentions.items[last].rule->label == r->mentions.items[next].rule->label)
        return false;
    return (last >= 0 && overlap(m, &r->mentions.items[last])) ||
           (next >= 0 && overlap(m, &r->mentions.items[next]));
}

static bool applies(const reading *r, const span *cue, const span *m)
{
    switch (cue->rule->kind) {
    case RULE_DENIES_NEXT:
    case RULE_DOUBTS_NEXT:
        return reaches_next(r, cue, m);
    case RULE_IGNORES_NEXT:
        return reaches_next(r, cue, m) && !is_cut(r, cue->end, m->start, false, true);
    case RULE_DENIES_LAST:
    case RULE_DOUBTS_LAST:
        return reaches_last(r, cue, m);
    case RULE_OR:
    case RULE_VERSUS:
        return is_alternative(r, cue, m);
    default:
        return false;
    }
}

/* What is said of a phrase that is there: "cannot be excluded" outweighs a denial, which outweighs other
 * doubts. */
static mention judge(const reading *r, const span *m)
{
    if (m->rule->kind == RULE_ABSENT) return DENIED;
    bool denied = false, doubted = m->rule->kind == RULE_DOUBTFUL, not_excluded = false;
    for (int k = 0; k < r->cues.n; k++) {
        const span *cue = &r->cues.items[k];
        if (cue->dropped || !applies(r, cue, m)) continue;
        rule_kind kind = cue->rule->kind;
        if (kind == RULE_IGNORES_NEXT) return NOT_MENTIONED;
        if (kind == RULE_DENIES_NEXT || kind == RULE_DENIES_LAST)
            denied = true;
        else if (kind == RULE_DOUBTS_LAST)
            not_excluded = true;
        else
            doubted = true;
    }
    return not_excluded ? DOUBTED : denied ? DENIED : doubted ? DOUBTED : AFFIRMED;
}

static err read_sentence(reading *r)
{
    mark(r);
    TRY(match_all(r));
    drop(r);
    for (int i = 0; i < r->mentions.n; i++) {
        const span *m = &r->mentions.items[i];
        int label = m->rule->label;
        if (m->dropped || label == LABEL_OTHER) continue;
        mention said = judge(r, m);
        if (label == r->l->no_finding)
            r->normal |= m->rule->kind == RULE_PRESENT; /* "no acute disease": its "no" belongs to it */
        else if (said > r->out[label])
            r->out[label] = said;
    }
    return OK;
}

/* See labeller.h. */
static void conclude(const labeller *l, bool normal, mention *out)
{
    if (l->no_finding < 0) return;
    bool denied = normal, found = false;
    for (int k = 0; k < l->rules.n_labels; k++) {
        if (k == l->no_finding) continue;
        denied |= out[k] == DENIED;
        found |= out[k] >= DOUBTED && k != l->support_devices;
    }
    out[l->no_finding] = found ? DENIED : denied ? AFFIRMED : NOT_MENTIONED;
}

err labeller_read(const labeller *l, const char *report, mention *out)
{
    sentence_reader sentences;
    reading r = {.l = l, .out = out};
    for (int k = 0; k < l->rules.n_labels; k++) out[k] = NOT_MENTIONED;
    TRY(sentences_open(report, is_abbreviation, l, &sentences));
    err error = OK;
    while (error == OK && sentences_next(&sentences, &r.words)) error = read_sentence(&r);
    conclude(l, r.normal, out);
    sentences_close(&sentences);
    free(r.mentions.items);
    free(r.cues.items);
    free(r.not_meant.items);
    return error;
}

float mention_label(mention m, doubt_policy policy)
{
    if (m == AFFIRMED) return 1.0F;
    if (m == DENIED) return 0.0F;
    if (m == NOT_MENTIONED || policy == DOUBT_UNKNOWN) return NAN;
    return policy == DOUBT_ONE ? 1.0F : 0.0F;
}
