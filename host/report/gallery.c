#include "host/base/alloc.h"
#include "host/data/image.h"
#include "host/report/report.h"

enum { MOST_PICTURES = 12, WIDEST = 256 };

/* The overlay if the run made one, else the mask in its palette's colours. */
static ssgcam_status read_picture(ssg_image *picture, int *overlay, const char *folder, const char *id)
{
    char *over = ssg_format("%s/overlays/%s.png", folder, id), *mask = ssg_format("%s/masks/%s.png", folder, id);
    ssgcam_status status = over && mask ? ssg_image_read(picture, over, 3) : SSG_OUT_OF_MEMORY;
    *overlay = status == SSGCAM_OK;
    if (status == SSGCAM_ERR_NOT_FOUND) status = ssg_image_read(picture, mask, 3);
    ssg_free(over);
    ssg_free(mask);
    return status;
}

/* At most WIDEST pixels on the longer side. */
static ssgcam_status shrink(ssg_image *picture)
{
    ssg_image small;
    int longer = picture->width > picture->height ? picture->width : picture->height;
    if (longer <= WIDEST) return SSGCAM_OK;
    int width = (int)((int64_t)picture->width * WIDEST / longer), height = (int)((int64_t)picture->height * WIDEST / longer);
    SSG_TRY(ssg_image_resize(&small, picture, width > 0 ? width : 1, height > 0 ? height : 1));
    ssg_image_clear(picture);
    *picture = small;
    return SSGCAM_OK;
}

static ssgcam_status put_picture(ssg_html *h, const char *folder, const char *id, int *overlay)
{
    ssg_image picture = {0};
    uint8_t *png = NULL;
    size_t size = 0;
    ssgcam_status status = read_picture(&picture, overlay, folder, id);
    if (status == SSGCAM_OK) status = shrink(&picture);
    if (status == SSGCAM_OK) status = ssg_image_encode_png(&png, &size, &picture, 0);
    if (status == SSGCAM_OK) {
        ssg_html_put(h, "<figure><img width=\"%d\" height=\"%d\" alt=\"%s %s\" src=\"", picture.width, picture.height,
                     *overlay ? "the mask in colour over" : "the mask of", id);
        ssg_html_data(h, "image/png", png, size);
        ssg_html_put(h, "\"/><figcaption>%s</figcaption></figure>\n", id);
    }
    ssg_free(png);
    ssg_image_clear(&picture);
    return status;
}

ssgcam_status ssg_report_gallery(ssg_html *html, const char *folder, const char *const *ids, size_t count)
{
    size_t shown = count < MOST_PICTURES ? count : MOST_PICTURES;
    int overlay = 1, all = 1;
    ssg_html_put(html, "<h3>%zu of %zu masks</h3><div class=\"gallery\">\n", shown, count);
    for (size_t i = 0; i < shown; i++) {
        SSG_TRY(put_picture(html, folder, ids[i * count / shown], &overlay));
        all = all && overlay;
    }
    ssg_html_put(html, "</div>\n<p class=\"note\">%s</p>\n",
                 all ? "Masks in colour over their images; white: the true outline, where it is known."
                     : "Masks alone: with --overlays, ssgcam generate lays them over their images.");
    return SSGCAM_OK;
}
