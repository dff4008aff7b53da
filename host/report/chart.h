/* chart.h - curves as inline SVG. Colours, line widths and fonts are the page's (style.inc), so that a chart is right in light, dark and print. */
#ifndef SSG_REPORT_CHART_H
#define SSG_REPORT_CHART_H

#include "host/report/html.h"

typedef struct ssg_series {
    const char *name; /* NULL: of a kind with the series before, one entry of the legend for both */
    int kind;         /* 0 to 5: colour and dashes */
    const double *x, *y;
    size_t count;
} ssg_series;

typedef struct ssg_chart {
    const char *title, *x_name, *y_name; /* the title stands above the chart and is read out for it */
    const char *note;                    /* a sentence below it, or NULL */
    const ssg_series *series;
    size_t count;
    const char *mark_name; /* a vertical line at x = mark with this name, or NULL */
    double mark;
} ssg_chart;

enum { SSG_CHART_KINDS = 6 };

/* Series without points are fine; without any point the chart says that there is nothing to draw. */
void ssg_chart_put(ssg_html *html, const ssg_chart *chart);

/* A cell that shows values on an axis from low to high, shared by a column: a bar from a to b (left out if they are equal) and dots at x, the last
 * one filled; with a line at zero where the axis has it. The numbers stand in other cells: hidden from screen readers. */
void ssg_strip_put(ssg_html *html, double low, double high, double a, double b, const double *x, size_t count);

#endif
