/* ssgcam eval: the commands that score. */
#include <stdio.h>
#include <string.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

static const char usage[] = "usage: ssgcam eval masks|boxes|perturb ...\n"
                            "\n"
                            "  masks    IoU per class, mIoU, threshold curve of masks made before or now; the confusion matrix with --json\n"
                            "  boxes    localisation: do boxes around what the maps show find the object?\n"
                            "  perturb  deletion and insertion: does the network need what the maps point at?\n"
                            "\n"
                            "ssgcam eval WHAT --help explains the options.\n";

int cmd_eval(int count, char **arguments)
{
    if (count > 0 && strcmp(arguments[0], "masks") == 0) return cmd_eval_masks(count - 1, arguments + 1);
    if (count > 0 && strcmp(arguments[0], "boxes") == 0) return cmd_eval_boxes(count - 1, arguments + 1);
    if (count > 0 && strcmp(arguments[0], "perturb") == 0) return cmd_eval_perturb(count - 1, arguments + 1);
    if (count > 0 && (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (count > 0)
        return finish("eval", ssgcam_fail(SSGCAM_ERR_ARGUMENT, "'%s' is nothing to score: say masks, boxes or perturb. See `ssgcam eval --help`.",
                                          arguments[0]));
    return finish("eval", ssgcam_fail(SSGCAM_ERR_ARGUMENT, "say first what to score: ssgcam eval masks ..., boxes ... or perturb ..."));
}
