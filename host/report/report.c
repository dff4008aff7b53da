#include <ssgcam/report.h>

#include "host/data/atomic_file.h"
#include "host/report/report.h"

ssgcam_status ssgcam_report_write(const ssgcam_report_options *options, size_t *bytes)
{
    ssg_html page = {0};
    if (!options->run_count || !options->out) return ssg_fail(SSGCAM_ERR_ARGUMENT, "a report needs at least one run, and a file to be written to");
    ssgcam_status status = ssg_report_page(&page, options->runs, options->run_count);
    if (status == SSGCAM_OK) status = ssg_file_write(options->out, page.text, page.used);
    if (status == SSGCAM_OK && bytes) *bytes = page.used;
    ssg_html_clear(&page);
    return status;
}
