#include "data/openi.h"

#include "base/files.h"
#include "base/strings.h"
#include "data/listing.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const size_t file_limit = (size_t)1 << 20;

/* A file while it is read. */
typedef struct source {
    const char *path;
    string_store *strings;
} source;

static bool is_named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* The element after `at` in document order, within `root`. */
static const xmlNode *following(const xmlNode *root, const xmlNode *at)
{
    if (at->children) return at->children;
    while (at != root && !at->next) at = at->parent;
    return at == root ? NULL : at->next;
}

/* The next element of that name behind `at`, which is in the root or is the root; NULL if there is none. */
static const xmlNode *next_element(const xmlNode *root, const xmlNode *at, const char *name)
{
    do at = following(root, at);
    while (at && !is_named(at, name));
    return at;
}

/* A copy without white space at its ends; NULL when out of memory. */
static const char *keep(const source *s, const xmlChar *content)
{
    static const char white_space[] = " \t\r\n";
    if (!content) return NULL;
    const char *from = (const char *)content;
    from += strspn(from, white_space);
    size_t n = strlen(from);
    while (n > 0 && strchr(white_space, from[n - 1])) n--;
    return string_keep(s->strings, from, n);
}

static err keep_text(const source *s, const xmlNode *node, const char **out)
{
    xmlChar *content = xmlNodeGetContent(node);
    *out = keep(s, content);
    xmlFree(content);
    return *out ? OK : err_set(ERR_SYSTEM, "%s: out of memory", s->path);
}

static bool can_name_a_file(const char *id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return id[0] && id[0] != '.' && strlen(id) < 200 && id[strspn(id, letters)] == '\0';
}

static err keep_id(const source *s, const xmlNode *node, const char **out)
{
    xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)"id");
    if (!value)
        return err_set(ERR_DATA, "%s:%ld: <%s> has no id", s->path, xmlGetLineNo(node),
                       (const char *)node->name);
    *out = keep(s, value);
    xmlFree(value);
    if (!*out) return err_set(ERR_SYSTEM, "%s: out of memory", s->path);
    if (!can_name_a_file(*out))
        return err_set(ERR_DATA, "%s:%ld: the id \"%.200s\" could not be a file's name", s->path,
                       xmlGetLineNo(node), *out);
    return OK;
}

/* Fills *list with the texts, or with the ids, of all elements of a name within root (which may be NULL); the
 * caller frees it. */
static err keep_list(const source *s, const xmlNode *root, const char *name, bool ids, const char ***list,
                     int *n)
{
    int count = 0;
    for (const xmlNode *at = root; at && (at = next_element(root, at, name));) count++;
    *n = 0;
    *list = malloc(((size_t)count + 1) * sizeof **list);
    if (!*list) return err_set(ERR_SYSTEM, "%s: out of memory", s->path);
    for (const xmlNode *at = root; *n < count && (at = next_element(root, at, name)); ++*n)
        TRY(ids ? keep_id(s, at, &(*list)[*n]) : keep_text(s, at, &(*list)[*n]));
    return OK;
}

/* AbstractText by its label; other labels are passed over. */
static err keep_sections(const source *s, const xmlNode *root, openi_report *r)
{
    const struct {
        const char *label, **text;
    } sections[] = {{"COMPARISON", &r->comparison},
                    {"INDICATION", &r->indication},
                    {"FINDINGS", &r->findings},
                    {"IMPRESSION", &r->impression}};
    enum { SECTIONS = sizeof sections / sizeof sections[0] };
    for (int k = 0; k < SECTIONS; k++) *sections[k].text = "";
    for (const xmlNode *at = root; (at = next_element(root, at, "AbstractText"));) {
        xmlChar *label = xmlGetNoNsProp(at, (const xmlChar *)"Label");
        err error = OK;
        for (int k = 0; k < SECTIONS && label && error == OK; k++) {
            if (strcmp((const char *)label, sections[k].label) != 0) continue;
            if (**sections[k].text)
                error = err_set(ERR_DATA, "%s:%ld: a second section \"%s\"", s->path, xmlGetLineNo(at),
                                sections[k].label);
            else
                error = keep_text(s, at, sections[k].text);
        }
        xmlFree(label);
        TRY(error);
    }
    return OK;
}

static err take_document(const source *s, const xmlDoc *document, openi_report *r)
{
    const xmlNode *root = xmlDocGetRootElement(document);
    if (document->intSubset || document->extSubset)
        return err_set(ERR_DATA, "%s: declares a document type; Open-i's reports have none", s->path);
    const xmlNode *id = root && is_named(root, "eCitation") ? next_element(root, root, "uId") : NULL;
    if (!id)
        return err_set(ERR_DATA, "%s: is not an Open-i report: it must be an <eCitation> with a <uId>",
                       s->path);
    TRY(keep_id(s, id, &r->id));
    TRY(keep_sections(s, root, r));
    const xmlNode *mesh = next_element(root, root, "MeSH");
    TRY(keep_list(s, mesh, "major", false, &r->major, &r->n_major));
    TRY(keep_list(s, mesh, "automatic", false, &r->automatic, &r->n_automatic));
    return keep_list(s, root, "parentImage", true, &r->images, &r->n_images);
}

/* The parser's complaint as ours, without its line end. */
static err bad_xml(const char *path, xmlParserCtxt *parser)
{
    const xmlError *e = xmlCtxtGetLastError(parser);
    if (!e || !e->message) return err_set(ERR_DATA, "%s: is not well-formed XML", path);
    if (e->code == XML_ERR_NO_MEMORY) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    return err_set(ERR_DATA, "%s:%d: is not well-formed XML: %.*s", path, e->line,
                   (int)strcspn(e->message, "\r\n"), e->message);
}

static err read_report(const char *path, string_store *strings, openi_report *r)
{
    char *bytes;
    size_t n;
    TRY(file_read(path, file_limit, &bytes, &n));
    xmlParserCtxt *parser = xmlNewParserCtxt();
    /* Entities are not expanded and nothing outside the file is read. */
    xmlDoc *document = parser ? xmlCtxtReadMemory(parser, bytes, (int)n, NULL, NULL,
                                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
                              : NULL;
    err error;
    if (!parser)
        error = err_set(ERR_SYSTEM, "%s: out of memory", path);
    else if (!document)
        error = bad_xml(path, parser);
    else
        error = take_document(&(source){path, strings}, document, r);
    xmlFreeDoc(document);
    xmlFreeParserCtxt(parser);
    free(bytes);
    return error;
}

/* Digits first, by their number; then by the bytes. */
static int by_number(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    size_t n = strspn(x, "0123456789"), m = strspn(y, "0123456789");
    if (n != m && n > 0 && m > 0) return n < m ? -1 : 1; /* the archive has no leading zeros */
    return strcmp(x, y);
}

static bool is_xml(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".xml") == 0;
}

/* Leaves the names of the folder's XML files in *files, by number. */
static err list_files(const data_root *root, const char *folder, name_list *files)
{
    name_list all = {0};
    char path[PATH_BYTES];
    err error = names_read(folder, &all);
    for (size_t i = 0; i < all.n && error == OK; i++) {
        mode_t mode = 0;
        if (!is_xml(all.names[i])) continue;
        error = path_join(path, folder, "%s", all.names[i]);
        if (error == OK) error = data_root_inspect(root, path, &mode);
        if (error == OK && S_ISREG(mode)) error = names_add(files, all.names[i]);
    }
    names_close(&all);
    if (files->n > 0) qsort(files->names, files->n, sizeof *files->names, by_number);
    if (error == OK && files->n == 0)
        error = err_set(ERR_NO_INPUT, "%s: has no XML file; Open-i's reports are N.xml", folder);
    if (error == OK && files->n > INT_MAX)
        error = err_set(ERR_DATA, "%s: holds more than %d files", folder, INT_MAX);
    return error;
}

typedef struct named {
    const char *id, *file;
} named;

static int by_id(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : strcmp(x->file, y->file);
}

static err check_ids(const char *folder, const openi *set)
{
    named *sorted = malloc(((size_t)set->n + 1) * sizeof *sorted);
    if (!sorted) return err_set(ERR_SYSTEM, "out of memory for %d reports", set->n);
    for (int i = 0; i < set->n; i++) sorted[i] = (named){set->reports[i].id, set->reports[i].file};
    qsort(sorted, (size_t)set->n, sizeof *sorted, by_id);
    err error = OK;
    for (int i = 1; i < set->n && error == OK; i++)
        if (strcmp(sorted[i - 1].id, sorted[i].id) == 0)
            error = err_set(ERR_DATA, "%s: %s and %s both have the id \"%s\"", folder, sorted[i - 1].file,
                            sorted[i].file, sorted[i].id);
    free(sorted);
    return error;
}

static err read_all(const char *folder, const name_list *files, openi *set)
{
    string_store *strings = set->owner;
    set->reports = calloc(files->n + 1, sizeof *set->reports);
    if (!set->reports) return err_set(ERR_SYSTEM, "out of memory for %zu reports", files->n);
    for (size_t i = 0; i < files->n; i++) {
        char path[PATH_BYTES];
        openi_report *r = &set->reports[set->n++];
        r->file = string_keep(strings, files->names[i], strlen(files->names[i]));
        if (!r->file) return err_set(ERR_SYSTEM, "out of memory for file names");
        TRY(path_join(path, folder, "%s", files->names[i]));
        TRY(read_report(path, strings, r));
    }
    return check_ids(folder, set);
}

static err read_folder(const char *folder, openi *set)
{
    char inner[PATH_BYTES];
    data_root root;
    name_list files = {0};
    TRY(path_join(inner, folder, "ecgen-radiology"));
    const char *from = path_exists(inner) ? inner : folder;
    TRY(data_root_open(folder, "the folder of Open-i's XML reports", &root));
    mode_t mode;
    err error = from == inner ? data_root_inspect(&root, inner, &mode) : OK;
    if (error == OK) error = list_files(&root, from, &files);
    if (error == OK) error = read_all(from, &files, set);
    names_close(&files);
    data_root_close(&root);
    return error;
}

err openi_open(const char *folder, openi **out)
{
    openi *set = calloc(1, sizeof *set);
    string_store *strings = calloc(1, sizeof *strings);
    *out = NULL;
    if (!set || !strings) {
        free(set);
        free(strings);
        return err_set(ERR_SYSTEM, "out of memory for reports");
    }
    set->owner = strings;
    xmlInitParser();
    err error = read_folder(folder, set);
    if (error == OK)
        *out = set;
    else
        openi_close(set);
    return error;
}

void openi_close(openi *set)
{
    if (!set) return;
    for (int i = 0; i < set->n; i++) {
        free(set->reports[i].major);
        free(set->reports[i].automatic);
        free(set->reports[i].images);
    }
    free(set->reports);
    string_store_close(set->owner);
    free(set->owner);
    free(set);
}
