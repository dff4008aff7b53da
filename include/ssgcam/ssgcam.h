/* ssgcam/ssgcam.h - everything.
 *
 *     ssgcam_device *device = NULL;  ssgcam_model *model = NULL;  ssgcam_dataset *data = NULL;  ssgcam_recipe *recipe = NULL;
 *     if (ssgcam_device_open(&device, "auto", 0) || ssgcam_model_load(&model, "model.onnx", NULL) || ...) puts(ssgcam_last_error());
 *     ssgcam_generate_run(&(ssgcam_generate_options){.device = device, .model = model, .data = data, .recipe = recipe, .out = "masks"}, NULL);
 *
 * Conventions: 0 is success, errors are negative and have a sentence (status.h); create-like functions give NULL on failure; destroy functions accept
 * NULL and set the pointer to NULL; option structs are zero-initialised, zero means the default. A handle may be used by one thread at a time;
 * different handles are independent. */
#ifndef SSGCAM_SSGCAM_H
#define SSGCAM_SSGCAM_H

#include <ssgcam/bench.h>
#include <ssgcam/dataset.h>
#include <ssgcam/device.h>
#include <ssgcam/eval.h>
#include <ssgcam/evolve.h>
#include <ssgcam/explain.h>
#include <ssgcam/generate.h>
#include <ssgcam/label.h>
#include <ssgcam/method.h>
#include <ssgcam/model.h>
#include <ssgcam/output.h>
#include <ssgcam/preprocess.h>
#include <ssgcam/recipe.h>
#include <ssgcam/report.h>
#include <ssgcam/search.h>
#include <ssgcam/sheet.h>
#include <ssgcam/status.h>
#include <ssgcam/version.h>

#endif
