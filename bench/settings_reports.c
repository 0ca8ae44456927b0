/* What the settings say of report generators. */
#include "bench/settings.h"

#include <string.h>

report_generator_opts settings_report_generator(const settings *s, int n_labels)
{
    report_generator_opts o = report_generator_defaults;
    o.model = s->report_model.values[0];
    o.encoder = s->report_encoder;
    o.resolution = s->size;
    o.growth = s->report_growth;
    o.layers_per_block = s->report_layers_per_block;
    o.width = s->report_width;
    o.layers = s->report_layers;
    o.heads = s->report_heads;
    o.length = s->report_length;
    o.sentences = s->report_sentences;
    o.words = s->report_words;
    o.n_findings = n_labels;
    o.dropout = (float)s->report_dropout;
    o.batch = s->report_batch;
    o.steps = s->report_steps;
    o.learning_rate = (float)s->report_rate;
    o.weight_decay = (float)s->report_decay;
    o.clip_norm = (float)s->report_clip;
    o.beams = s->report_beams;
    o.length_penalty = (float)s->report_penalty;
    o.block_trigrams = s->report_block_trigrams;
    return o;
}

report_rules settings_report_rules(const settings *s)
{
    return strcmp(s->report_rules, "mimic") == 0 ? REPORT_RULES_MIMIC : REPORT_RULES_IU;
}

int study_trial_steps(const study *s)
{
    return s->task == TASK_REPORTS ? s->s.report_steps : s->s.classifier_steps;
}
