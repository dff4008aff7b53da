#include "host/cli/sheets.h"

#include <ssgcam/sheet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sheet of one image and class. */
typedef struct page {
    const char *input;
    size_t image, label;
    int several; /* the input holds several images */
    ssgcam_sheet *sheet;
} page;

typedef struct book {
    const ssgcam_explain_options *explain;
    const char *caption; /* of the panels that come now */
    page *pages;
    size_t count;
    int partial; /* some inputs failed; the others get all their panels */
    ssgcam_status status;
} book;

static page *page_of(book *b, const ssgcam_explanation *e)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->pages[i].input == e->input && b->pages[i].image == e->image && b->pages[i].label == e->label) return &b->pages[i];
    page *grown = realloc(b->pages, (b->count + 1) * sizeof *grown);
    if (!grown) {
        b->status = ssgcam_fail(SSGCAM_ERR_MEMORY, "out of memory while collecting maps");
        return NULL;
    }
    b->pages = grown;
    page *p = &b->pages[b->count];
    *p = (page){e->input, e->image, e->label, 0, NULL};
    char title[256];
    if (e->label_name)
        snprintf(title, sizeof title, "%s", e->label_name);
    else
        snprintf(title, sizeof title, "class %zu", e->label);
    b->status = ssgcam_sheet_create(&p->sheet, b->explain->model, e->input, title);
    if (b->status != SSGCAM_OK) return NULL;
    b->count++;
    return p;
}

static void collect(void *context, const ssgcam_explanation *e, const char *files)
{
    (void)files;
    book *b = context;
    page *p = b->status == SSGCAM_OK ? page_of(b, e) : NULL;
    if (p) b->status = ssgcam_sheet_add(p->sheet, e->map, e->height, e->width, b->caption);
    for (size_t i = 0; e->image && i < b->count; i++) b->pages[i].several |= b->pages[i].input == e->input;
}

/* One panel on every page that has an input that can be explained. */
static ssgcam_status add_panels(book *b, const ssgcam_recipe *recipe, const char *caption)
{
    ssgcam_explain_options o = *b->explain;
    o.recipe = recipe;
    o.save = 0;
    o.callback = collect;
    o.context = b;
    b->caption = caption;
    ssgcam_status status = ssgcam_explain_run(&o, NULL);
    if (b->status != SSGCAM_OK) return b->status;
    b->partial |= status == SSGCAM_ERR_PARTIAL;
    return status == SSGCAM_ERR_PARTIAL ? SSGCAM_OK : status;
}

static ssgcam_status layer_panels(book *b)
{
    const ssgcam_recipe *recipe = b->explain->recipe;
    ssgcam_status status = SSGCAM_OK;
    for (size_t i = 0; status == SSGCAM_OK && i < recipe->layer_count; i++) {
        ssgcam_recipe one = *recipe;
        one.layers = &recipe->layers[i];
        one.layer_count = 1;
        status = add_panels(b, &one, recipe->layers[i].name);
    }
    return status == SSGCAM_OK && recipe->layer_count > 1 ? add_panels(b, recipe, "mixture") : status;
}

/* The flags with the next method of a list in place of their own; 0 at its end. */
static int next_method(const char **at, char name[64], method_flags *flags)
{
    size_t length = strcspn(*at, ",");
    if (!**at) return 0;
    snprintf(name, 64, "%.*s", (int)length, *at);
    *at += length + ((*at)[length] == ',');
    flags->recipe = NULL;
    flags->method = name;
    return 1;
}

static ssgcam_status method_panels(book *b, const char *methods, const method_flags *flags)
{
    ssgcam_status status = SSGCAM_OK;
    method_flags own = *flags;
    char name[64];
    for (const char *at = methods; status == SSGCAM_OK && next_method(&at, name, &own);) {
        ssgcam_recipe *recipe = NULL;
        status = load_recipe(&recipe, &own, b->explain->model);
        if (status == SSGCAM_OK) status = add_panels(b, recipe, name);
        ssgcam_recipe_destroy(&recipe);
    }
    return status;
}

static ssgcam_status write_page(const book *b, const page *p, sheet_callback *callback, void *context)
{
    const char *slash = strrchr(p->input, '/'), *stem = slash ? slash + 1 : p->input, *dot = strrchr(stem, '.');
    int length = (int)(dot && dot > stem ? (size_t)(dot - stem) : strlen(stem));
    char path[4096], number[32] = "";
    if (p->several) snprintf(number, sizeof number, ".%zu", p->image);
    int written = snprintf(path, sizeof path, "%s/%.*s%s.%zu.sheet.png", b->explain->out ? b->explain->out : ".", length, stem, number, p->label);
    if (written < 0 || (size_t)written >= sizeof path) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "%s: the name of the sheet is too long", p->input);
    ssgcam_status status = ssgcam_sheet_write(p->sheet, path, 0);
    if (status == SSGCAM_OK) callback(context, p->input, p->image, p->label, path);
    return status;
}

ssgcam_status check_sheets(const char *what, const method_flags *method)
{
    ssgcam_status status = SSGCAM_OK;
    ssgcam_method_options options;
    method_flags own = *method;
    char name[64];
    if (!*what) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--sheet is empty; give layers, or methods such as gradcam,layercam,ssgcam");
    if (strcmp(what, "layers") == 0) return SSGCAM_OK;
    for (const char *at = what; status == SSGCAM_OK && next_method(&at, name, &own);) status = load_method(&options, &own);
    return status == SSGCAM_OK ? status : ssgcam_fail(status, "--sheet '%s' (layers, or methods): %s", what, ssgcam_last_error());
}

ssgcam_status write_sheets(const char *what, const ssgcam_explain_options *explain, const method_flags *method, sheet_callback *callback,
                           void *context)
{
    book b = {.explain = explain};
    ssgcam_status status = strcmp(what, "layers") == 0 ? layer_panels(&b) : method_panels(&b, what, method);
    for (size_t i = 0; i < b.count; i++) {
        if (status == SSGCAM_OK) status = write_page(&b, &b.pages[i], callback, context);
        ssgcam_sheet_destroy(&b.pages[i].sheet);
    }
    free(b.pages);
    return status == SSGCAM_OK && b.partial ? SSGCAM_ERR_PARTIAL : status;
}
