"""The public structs of include/ssgcam/*.h, field by field; tests/python/test_structs.py compares them with the compiler's."""
from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int, c_size_t, c_ubyte, c_uint, c_uint8, c_uint64, c_void_p


class MethodOptions(Structure):
    _fields_ = [("method", c_int), ("sigma", c_double), ("combine", c_int), ("weighting", c_int), ("second_order", c_int), ("target", c_int),
                ("probes", c_int), ("samples", c_int), ("noise", c_double), ("seed", c_uint64)]


class RecipeLayer(Structure):
    _fields_ = [("name", c_char_p), ("weight", c_int), ("power", c_double), ("method", MethodOptions)]


class Recipe(Structure):
    _fields_ = [("layers", POINTER(RecipeLayer)), ("layer_count", c_size_t), ("threshold", c_int), ("grid", c_int * 2),
                ("model_digest", c_char * 33), ("provenance", c_char_p)]


class Layer(Structure):
    _fields_ = [("name", c_char_p), ("node", c_char_p), ("op", c_char_p), ("channels", c_int), ("height", c_int), ("width", c_int),
                ("activation", c_int), ("candidate", c_int)]


class Preprocess(Structure):
    _fields_ = [("size", c_int * 2), ("resize", c_int), ("channels", c_int), ("scale", c_double), ("mean", c_double * 3), ("std", c_double * 3),
                ("classes", POINTER(c_char_p)), ("class_count", c_size_t)]


class Explanation(Structure):
    _fields_ = [("input", c_char_p), ("image", c_size_t), ("label", c_size_t), ("label_name", c_char_p), ("score", c_float),
                ("probability", c_float), ("map", POINTER(c_float)), ("height", c_size_t), ("width", c_size_t), ("constant", c_int),
                ("not_a_number", c_int)]


ExplainCallback = CFUNCTYPE(None, c_void_p, POINTER(Explanation), c_char_p)
Progress = CFUNCTYPE(None, c_void_p, c_size_t, c_size_t, c_char_p, c_char_p)


class ExplainOptions(Structure):
    _fields_ = [("device", c_void_p), ("model", c_void_p), ("recipe", POINTER(Recipe)), ("precision", c_int), ("preset", c_int),
                ("inputs", POINTER(c_char_p)), ("input_count", c_size_t), ("classes", POINTER(c_char_p)), ("class_count", c_size_t),
                ("out", c_char_p), ("save", c_uint), ("keep_sign", c_int), ("stop", POINTER(c_int)), ("callback", ExplainCallback),
                ("context", c_void_p), ("images", POINTER(c_float)), ("image_count", c_size_t), ("image_size", c_int * 2)]


class Item(Structure):
    _fields_ = [("id", c_char_p), ("image", c_char_p), ("labels", POINTER(c_int)), ("label_count", c_size_t), ("mask", c_char_p),
                ("boxes", c_void_p), ("box_count", c_size_t), ("group", c_char_p)]


class Labelling(Structure):
    _fields_ = [("index", c_size_t), ("item", POINTER(Item)), ("failure", c_char_p), ("labels", POINTER(c_uint8)), ("height", c_size_t),
                ("width", c_size_t)]


LabelCallback = CFUNCTYPE(None, c_void_p, POINTER(Labelling))


class LabelOptions(Structure):
    _fields_ = [("device", c_void_p), ("model", c_void_p), ("recipe", POINTER(Recipe)), ("items", POINTER(Item)), ("item_count", c_size_t),
                ("images", POINTER(c_float)), ("scales", POINTER(c_double)), ("scale_count", c_size_t), ("flip", c_int), ("batch", c_int),
                ("precision", c_int), ("stop", POINTER(c_int)), ("callback", LabelCallback), ("context", c_void_p)]


class EvolveConfig(Structure):
    _fields_ = [("dimensions", c_size_t), ("lower", POINTER(c_double)), ("upper", POINTER(c_double)), ("integer", POINTER(c_ubyte)),
                ("max_evaluations", c_uint64), ("minimise", c_int), ("seed", c_uint64), ("tag", c_uint64), ("strategy", c_int),
                ("adaptation", c_int), ("bounds", c_int), ("population", c_size_t), ("f", c_double), ("cr", c_double), ("init", c_int),
                ("initial", POINTER(c_double)), ("initial_fitness", POINTER(c_double)), ("initial_count", c_size_t), ("islands", c_size_t),
                ("migration_interval", c_size_t), ("migration_count", c_size_t), ("max_generations", c_uint64),
                ("stagnation_generations", c_uint64), ("use_target", c_int), ("target", c_double), ("spread_absolute", c_double),
                ("spread_relative", c_double)]
