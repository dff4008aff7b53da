#include "host/report/report.h"

void ssg_report_tiles_begin(ssg_html *h)
{
    ssg_html_put(h, "<dl class=\"tiles\">\n");
}

void ssg_report_tile(ssg_html *h, const char *name, double value, int decimals, const char *unit, const char *small)
{
    ssg_html_put(h, "<div><dt>%s</dt><dd>%.*f<span> %s</span>", name, decimals, value, unit);
    if (small) ssg_html_put(h, "<small>%s</small>", small);
    ssg_html_put(h, "</dd></div>\n");
}

void ssg_report_tile_gain(ssg_html *h, const char *name, double points, const char *range)
{
    ssg_html_put(h, "<div><dt>%s</dt><dd>%+.2f<span> points</span><small>%s</small></dd></div>\n", name, points, range);
}

void ssg_report_tiles_end(ssg_html *h)
{
    ssg_html_put(h, "</dl>\n");
}

void ssg_report_table_begin(ssg_html *h, const char *caption)
{
    /* A <caption> would be as wide as the table, and on a phone scroll out of sight with it. */
    ssg_html_put(h, "<h3>%s</h3><div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\"><table aria-label=\"%s\">", caption, caption,
                 caption);
}

void ssg_report_table_end(ssg_html *h)
{
    ssg_html_put(h, "</table></div>\n");
}
