/* fuzz_json.c - arbitrary bytes as MODEL.json and as a recipe; a recipe that is read is printed and must be read back. */
#include <ssgcam/preprocess.h>
#include <ssgcam/recipe.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ssgcam_preprocess preprocess;
    ssgcam_preprocess_init(&preprocess);
    ssgcam_preprocess_parse(&preprocess, (const char *)data, size, "fuzz");
    ssgcam_preprocess_clear(&preprocess);
    ssgcam_recipe *recipe, *again;
    char *text;
    if (ssgcam_recipe_parse(&recipe, (const char *)data, size, "fuzz") != SSGCAM_OK) return 0;
    if (ssgcam_recipe_print(recipe, &text) == SSGCAM_OK) {
        if (ssgcam_recipe_parse(&again, text, strlen(text), "printed") != SSGCAM_OK) abort();
        ssgcam_recipe_destroy(&again);
        ssgcam_text_free(text);
    }
    ssgcam_recipe_destroy(&recipe);
    return 0;
}
