/* Reads the findings out of a report's words: for each label, whether the report affirms it, doubts it,
 * denies it or does not mention it. By rules: one table, downstream/labeller_rules.csv, holds all words, and
 * can be extended or replaced without compiling.
 *
 * The built-in table has the 14 labels of CheXpert (Irvin et al., AAAI 2019), in its order, and COVID-19, and
 * reads what a report says, not what it implies:
 *
 * - Enlarged Cardiomediastinum: a wide, prominent or enlarged mediastinum or cardiomediastinal silhouette, or
 * a mass in it; not a tortuous aorta, hila or lymph nodes. A normal cardiomediastinal silhouette denies
 *   Cardiomegaly too.
 * - Cardiomegaly: the heart as a whole; borderline or at the upper limit is doubted.
 * - Lung Opacity: opacity, infiltrate, airspace or interstitial disease, haze, density in the lung; not a
 * scar, a granuloma or a calcification. "The lungs are clear" denies it. Consolidation, atelectasis and so on
 * do not imply it.
 * - Lung Lesion: nodule, mass, tumour, metastasis, cavitary lesion; not a granuloma, nor a lesion of bone.
 * - Edema: also congestion or engorgement of the lungs' vessels, and heart failure.
 * - Pneumonia: also infection and pneumonitis; not old granulomatous disease, nor tuberculosis.
 * - Atelectasis: also collapse and loss of volume.
 * - Pleural Effusion: also blunted costophrenic angles, which is a doubt.
 * - Pleural Other: thickening, plaques, scars of the pleura.
 * - Fracture: of any age; also compression and wedging of vertebrae; other deformities of bones are
 *   doubted.
 * - Support Devices: tubes, lines, pacemakers, and what surgery left: wires, clips, hardware, prostheses. A
 *   sternotomy is seen by its wires.
 * - No Finding: affirmed where something is denied or called normal and no other label but Support Devices is
 *   affirmed or doubted; denied where one is; else not mentioned.
 *
 * A report that both affirms and denies a label affirms it; doubts come next. What has resolved or was
 * removed is denied; what is old, stable or improved is affirmed. Alternatives ("A or B", "A versus B",
 * "A/B") and what is possible, probable, suspected or not excluded are doubted. */
#ifndef DOWNSTREAM_LABELLER_H
#define DOWNSTREAM_LABELLER_H

#include "base/err.h"

/* What a report says of a label; of two statements the higher one counts. */
typedef enum mention { NOT_MENTIONED, DENIED, DOUBTED, AFFIRMED } mention;

typedef struct labeller labeller;

/* Reads a table of rules; NULL: the built-in one. ERR_NO_INPUT; ERR_DATA naming file and line. */
err labeller_open(const char *rules, labeller **out);
void labeller_close(labeller *l);

/* The labels, in the order in which the table first has them: K of them. A labeller is read-only: threads may
 * share one. */
int labeller_labels(const labeller *l);
const char *labeller_label(const labeller *l, int k);   /* "No Finding", ...; owned by the labeller */
int labeller_find(const labeller *l, const char *name); /* -1 if there is none */

/* Fills out (K). Any bytes will do; a report without words mentions nothing. ERR_SYSTEM. */
err labeller_read(const labeller *l, const char *report, mention *out);

/* What a doubt becomes as a label. */
typedef enum doubt_policy { DOUBT_UNKNOWN, DOUBT_ZERO, DOUBT_ONE } doubt_policy;

/* A mention as data/dataset.h has labels: affirmed 1, denied 0, not mentioned NaN. */
float mention_label(mention m, doubt_policy policy);

#endif
