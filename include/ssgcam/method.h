/* ssgcam/method.h - the class activation methods and their settings.
 *
 * Notation: A activation of a layer (K channels, H x W), g = dS/dA gradient of the class score S. Formulas are those of docs/methods.md. */
#ifndef SSGCAM_METHOD_H
#define SSGCAM_METHOD_H

#include <stddef.h>
#include <stdint.h>

#include <ssgcam/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssgcam_method {
    SSGCAM_METHOD_SSGCAM,              /* relu(sum_k W_k A_k), W from smoothed first- and second-order gradients (Chen, Zhang, Pan 2026) */
    SSGCAM_METHOD_GRADCAM,             /* relu(sum_k mean(g_k) A_k) (Selvaraju et al. 2017) */
    SSGCAM_METHOD_GRADCAMPP,           /* Grad-CAM++ (Chattopadhay et al. 2018) */
    SSGCAM_METHOD_XGRADCAM,            /* XGrad-CAM (Fu et al. 2020) */
    SSGCAM_METHOD_LAYERCAM,            /* relu(sum_k relu(g_k) A_k) (Jiang et al. 2021) */
    SSGCAM_METHOD_HIRESCAM,            /* relu(sum_k g_k A_k) (Draelos, Carin 2020) */
    SSGCAM_METHOD_GRADCAM_ELEMENTWISE, /* sum_k relu(g_k A_k) */
    SSGCAM_METHOD_SMOOTHGRADCAMPP,     /* Grad-CAM++ with gradients averaged over noisy inputs (Omeiza et al. 2019) */
    SSGCAM_METHOD_SCORECAM             /* channel weights from scores of masked inputs (Wang et al. 2020) */
} ssgcam_method;

/* How SSG-CAM joins the smoothed orders g1 = G*g and g2 = G*(g g). */
typedef enum ssgcam_combine {
    SSGCAM_COMBINE_PRODUCT,  /* W = relu(g1) g2 */
    SSGCAM_COMBINE_COHERENCE /* W = relu(g1) g1^2 / g2 */
} ssgcam_combine;

typedef enum ssgcam_weighting {
    SSGCAM_WEIGHTING_ELEMENT, /* W weighs every pixel */
    SSGCAM_WEIGHTING_CHANNEL  /* the mean of W weighs the channel */
} ssgcam_weighting;

/* Where SSG-CAM's second order comes from. */
typedef enum ssgcam_second_order {
    SSGCAM_SECOND_ORDER_SQUARE, /* g^2: the diagonal second derivative of exp(S) without its factor */
    SSGCAM_SECOND_ORDER_EXACT   /* the diagonal of the true Hessian of a smooth target, estimated with random probes */
} ssgcam_second_order;

/* What is differentiated. A Hessian needs a target that is not piecewise linear. */
typedef enum ssgcam_target {
    SSGCAM_TARGET_LOGIT,
    SSGCAM_TARGET_LOGSOFTMAX,
    SSGCAM_TARGET_SOFTMAX,
    SSGCAM_TARGET_REST /* logit + log-softmax */
} ssgcam_target;

/* A method with its settings. {0} is SSG-CAM with sigma 0: call ssgcam_method_defaults instead. */
typedef struct ssgcam_method_options {
    ssgcam_method method;
    double sigma;                     /* SSG-CAM: of the Gaussian, in pixels of the layer, 0 to 64 (default 2) */
    ssgcam_combine combine;           /* SSG-CAM (default product) */
    ssgcam_weighting weighting;       /* SSG-CAM (default element) */
    ssgcam_second_order second_order; /* SSG-CAM (default square) */
    ssgcam_target target;             /* default logit */
    int probes;                       /* exact second order: Hessian-vector products (default 8) */
    int samples;                      /* Smooth Grad-CAM++: noisy inputs (default 8) */
    double noise;                     /* Smooth Grad-CAM++: standard deviation, in units of the preprocessed input's range (default 0.15) */
    uint64_t seed;                    /* of probes and noise, 0 to 2147483647 (default 0) */
} ssgcam_method_options;

/* The defaults of a method. */
SSGCAM_API ssgcam_method_options ssgcam_method_defaults(ssgcam_method method);

/* The name used on the command line and in recipes, e.g. "ssgcam". */
SSGCAM_API const char *ssgcam_method_name(ssgcam_method method);

/* The method of that name; SSGCAM_ERR_ARGUMENT with the nearest name otherwise. */
SSGCAM_API ssgcam_status ssgcam_method_parse(const char *name, ssgcam_method *method);
SSGCAM_API ssgcam_status ssgcam_combine_parse(const char *name, ssgcam_combine *combine);
SSGCAM_API ssgcam_status ssgcam_weighting_parse(const char *name, ssgcam_weighting *weighting);
SSGCAM_API ssgcam_status ssgcam_second_order_parse(const char *name, ssgcam_second_order *second_order);
SSGCAM_API ssgcam_status ssgcam_target_parse(const char *name, ssgcam_target *target);

SSGCAM_API const char *ssgcam_combine_name(ssgcam_combine combine);
SSGCAM_API const char *ssgcam_weighting_name(ssgcam_weighting weighting);
SSGCAM_API const char *ssgcam_second_order_name(ssgcam_second_order second_order);
SSGCAM_API const char *ssgcam_target_name(ssgcam_target target);

/* Fails with a sentence if a setting is out of range. */
SSGCAM_API ssgcam_status ssgcam_method_check(const ssgcam_method_options *options);

#ifdef __cplusplus
}
#endif
#endif
