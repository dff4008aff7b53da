#include <ctype.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/report/report.h"

static const size_t most_bytes = (size_t)256 << 20;

static const char style[] =
#include "host/report/style.inc"
    ;

/* A run whose section is being made. */
typedef struct run {
    const char *path, *kind;
    ssg_html *html;
} run;

static void begin_section(run *r, size_t number, const char *kind)
{
    r->kind = kind;
    ssg_html_put(r->html, "<section id=\"run%zu\" aria-labelledby=\"name%zu\">\n<h2 id=\"name%zu\">%s <small>%s</small></h2>\n", number, number,
                 number, kind, r->path);
}

/* Which object it is shows in a field that only it has. */
static ssgcam_status put_json(run *r, size_t number, const char *text, size_t size)
{
    static const struct {
        const char *field, *kind;
        ssgcam_status (*put)(ssg_html *html, const json_t *root, const char *path);
    } kinds[] = {{"confusion", "Masks against the truth", ssg_report_masks},
                 {"max_box_acc", "Localisation", ssg_report_boxes},
                 {"deletion", "Deletion and insertion", ssg_report_perturb}};
    json_error_t error;
    json_t *root = json_loadb(text, size, 0, &error);
    if (!root) return ssg_fail(SSGCAM_ERR_INPUT, "%s:%d:%d: not JSON: %s", r->path, error.line, error.column, error.text);
    ssgcam_status status = SSGCAM_ERR_NOT_FOUND;
    if (json_object_get(root, "ssgcam_recipe")) {
        begin_section(r, number, "Recipe");
        status = ssg_report_search(r->html, r->path);
    }
    for (size_t k = 0; status == SSGCAM_ERR_NOT_FOUND && k < sizeof kinds / sizeof *kinds; k++)
        if (json_object_get(root, kinds[k].field)) {
            begin_section(r, number, kinds[k].kind);
            status = kinds[k].put(r->html, root, r->path);
        }
    json_decref(root);
    if (status != SSGCAM_ERR_NOT_FOUND) return status;
    return ssg_fail(SSGCAM_ERR_INPUT,
                    "%s: neither a recipe nor what ssgcam eval --json prints; give one of these, a folder of masks or a --curve table", r->path);
}

static ssgcam_status put_file(run *r, size_t number)
{
    char *text;
    size_t size, at = 0;
    SSG_TRY(ssg_file_read(&text, &size, r->path, most_bytes));
    while (isspace((unsigned char)text[at])) at++;
    ssgcam_status status;
    if (text[at] == '{') {
        status = put_json(r, number, text, size);
    } else {
        begin_section(r, number, "Curves");
        status = ssg_report_curves(r->html, text, r->path);
    }
    ssg_free(text);
    return status;
}

static ssgcam_status put_run(run *r, size_t number)
{
    if (!ssg_path_is_folder(r->path)) return put_file(r, number);
    begin_section(r, number, "Masks");
    return ssg_report_generate(r->html, r->path);
}

ssgcam_status ssg_report_page(ssg_html *page, const char *const *runs, size_t count)
{
    ssg_html sections = {0};
    ssgcam_status status = SSGCAM_OK;
    ssg_html_put(page, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta charset=\"utf-8\"/>"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/><title>ssgcam report</title>\n<style>");
    ssg_html_append(page, style, sizeof style - 1);
    ssg_html_put(page,
                 "</style></head>\n<body><header><h1>ssgcam report</h1><p>From image labels to pixel labels: what was found, and how good it is."
                 "</p>\n<nav aria-label=\"Sections\"><ul>\n");
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) {
        run r = {.path = runs[i], .html = &sections};
        status = put_run(&r, i + 1);
        ssg_html_put(&sections, "</section>\n");
        if (status == SSGCAM_OK) ssg_html_put(page, "<li><a href=\"#run%zu\">%s <small>%s</small></a></li>\n", i + 1, r.kind, r.path);
    }
    ssg_html_put(page, "</ul></nav></header>\n<main>\n");
    if (sections.used) ssg_html_append(page, sections.text, sections.used);
    ssg_html_put(page, "</main></body></html>\n");
    if (status == SSGCAM_OK) status = ssg_html_check(&sections);
    if (status == SSGCAM_OK) status = ssg_html_check(page);
    ssg_html_clear(&sections);
    return status;
}
