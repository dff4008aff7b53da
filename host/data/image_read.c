#include <libexif/exif-data.h>
#include <spng.h>
#include <string.h>
#include <turbojpeg.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/image.h"

enum { MOST_FILE_BYTES = 512 << 20, MOST_SIDE = 1 << 16 };

static ssgcam_status check_size(const char *name, long width, long height)
{
    if (width < 1 || height < 1) return ssg_fail(SSGCAM_ERR_INPUT, "%s: an image of %ldx%ld pixels", name, width, height);
    if (width > MOST_SIDE || height > MOST_SIDE || width * height > SSG_IMAGE_MOST_PIXELS)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: %ldx%ld pixels; at most %d million are accepted: scale it down", name, width, height,
                        SSG_IMAGE_MOST_PIXELS >> 20);
    return SSGCAM_OK;
}

/* Colour to grey as Pillow's convert: (299 R + 587 G + 114 B) / 1000 in its 16-bit form. */
static void grey_of(uint8_t *grey, const uint8_t *rgb, size_t count)
{
    for (size_t i = 0; i < count; i++) grey[i] = (uint8_t)((rgb[3 * i] * 19595u + rgb[3 * i + 1] * 38470u + rgb[3 * i + 2] * 7471u + 0x8000u) >> 16);
}

/* ---- JPEG -------------------------------------------------------------------------------------------------------------------- */

static int is_jpeg(const uint8_t *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

/* 1 to 8 as EXIF numbers them; 1 (upright) if the file says nothing sensible. */
static int orientation_of(const uint8_t *bytes, size_t size)
{
    ExifData *data = exif_data_new_from_data(bytes, (unsigned)size);
    ExifEntry *entry = data ? exif_data_get_entry(data, EXIF_TAG_ORIENTATION) : NULL;
    int value = 1;
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2) value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    if (data) exif_data_unref(data);
    return value >= 1 && value <= 8 ? value : 1;
}

/* Turns and mirrors so that the picture stands upright. Orientations above 4 swap width and height. */
static ssgcam_status turn(ssg_image *image, int orientation)
{
    if (orientation == 1) return SSGCAM_OK;
    ssg_image turned;
    int swap = orientation > 4, w = image->width, h = image->height;
    SSG_TRY(ssg_image_make(&turned, swap ? h : w, swap ? w : h, image->channels));
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++) {
            int u = swap ? y : x, v = swap ? x : y;
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) u = w - 1 - u;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) v = h - 1 - v;
            memcpy(turned.pixels + ((size_t)y * (size_t)turned.width + (size_t)x) * (size_t)image->channels,
                   image->pixels + ((size_t)v * (size_t)w + (size_t)u) * (size_t)image->channels, (size_t)image->channels);
        }
    ssg_image_clear(image);
    *image = turned;
    return SSGCAM_OK;
}

/* Whatever decoding warns of (truncated or corrupt data) makes the picture unfit to learn from; but some cameras leave stray bytes between markers,
 * which cost nothing. */
static int is_harmless(tjhandle handle)
{
    return tjGetErrorCode(handle) == TJERR_WARNING && strstr(tjGetErrorStr2(handle), "extraneous bytes before marker") != NULL;
}

static ssgcam_status read_jpeg_header(tjhandle handle, int *width, int *height, int *colours, const uint8_t *bytes, size_t size, const char *name)
{
    int subsampling = 0;
    *width = *height = *colours = 0; /* a file of tables alone leaves them untouched */
    if (tjDecompressHeader3(handle, bytes, size, width, height, &subsampling, colours) != 0)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: a damaged JPEG: %s", name, tjGetErrorStr2(handle));
    if (*width < 1 || *height < 1) return ssg_fail(SSGCAM_ERR_INPUT, "%s: a damaged or truncated JPEG: it holds no picture", name);
    if (*colours == TJCS_CMYK || *colours == TJCS_YCCK)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "%s: a CMYK JPEG (made for print); convert it to RGB", name);
    return check_size(name, *width, *height);
}

static ssgcam_status decode_jpeg(ssg_image *image, const uint8_t *bytes, size_t size, const char *name, int channels)
{
    tjhandle handle = tjInitDecompress();
    if (!handle) return ssg_fail(SSGCAM_ERR_MEMORY, "%s: the JPEG decoder cannot start", name);
    int width, height, colours;
    ssgcam_status status = read_jpeg_header(handle, &width, &height, &colours, bytes, size, name);
    if (status == SSGCAM_OK) status = ssg_image_make(image, width, height, channels);
    /* A grey picture of a colour one is made of its RGB values, as Pillow makes it: the luma plane in the file differs where colours saturate. */
    int luma = status == SSGCAM_OK && channels == 1 && colours != TJCS_GRAY;
    uint8_t *pixels = image->pixels, *rgb = NULL;
    if (luma && !(pixels = rgb = ssg_alloc_aligned((size_t)width * (size_t)height, 3))) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK &&
        tjDecompress2(handle, bytes, size, pixels, width, 0, height, channels == 3 || luma ? TJPF_RGB : TJPF_GRAY, TJFLAG_ACCURATEDCT) != 0 &&
        !is_harmless(handle))
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: a damaged or truncated JPEG: %s", name, tjGetErrorStr2(handle));
    if (luma && status == SSGCAM_OK) grey_of(image->pixels, rgb, (size_t)width * (size_t)height);
    ssg_free(rgb);
    tjDestroy(handle);
    if (status == SSGCAM_OK) status = turn(image, orientation_of(bytes, size));
    if (status != SSGCAM_OK) ssg_image_clear(image);
    return status;
}

static ssgcam_status size_of_jpeg(int *width, int *height, const uint8_t *bytes, size_t size, const char *name)
{
    int colours;
    tjhandle handle = tjInitDecompress();
    if (!handle) return ssg_fail(SSGCAM_ERR_MEMORY, "%s: the JPEG decoder cannot start", name);
    ssgcam_status status = read_jpeg_header(handle, width, height, &colours, bytes, size, name);
    tjDestroy(handle);
    if (status == SSGCAM_OK && orientation_of(bytes, size) > 4) {
        int swap = *width;
        *width = *height, *height = swap;
    }
    return status;
}

/* ---- PNG --------------------------------------------------------------------------------------------------------------------- */

static int is_png(const uint8_t *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static ssgcam_status png_error(const char *name, int code)
{
    return ssg_fail(code == SPNG_EMEM ? SSGCAM_ERR_MEMORY : SSGCAM_ERR_INPUT, "%s: a damaged or truncated PNG: %s", name, spng_strerror(code));
}

/* Opens the decoder and checks the size that the header claims before any pixel is decoded. */
static ssgcam_status open_png(spng_ctx **out, struct spng_ihdr *header, const uint8_t *bytes, size_t size, const char *name)
{
    spng_ctx *png = *out = spng_ctx_new(SPNG_CTX_IGNORE_ADLER32);
    if (!png) return ssg_fail(SSGCAM_ERR_MEMORY, "%s: the PNG decoder cannot start", name);
    spng_set_image_limits(png, MOST_SIDE, MOST_SIDE);
    spng_set_chunk_limits(png, 64 << 20, 64 << 20);
    int code = spng_set_png_buffer(png, bytes, size);
    if (code == 0) code = spng_get_ihdr(png, header);
    if (code == SPNG_EUSER_WIDTH || code == SPNG_EUSER_HEIGHT)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: a PNG wider or higher than %d pixels: scale it down", name, MOST_SIDE);
    if (code) return png_error(name, code);
    return check_size(name, header->width, header->height);
}

static ssgcam_status decode_png(ssg_image *image, const uint8_t *bytes, size_t size, const char *name, int channels)
{
    struct spng_ihdr header;
    spng_ctx *png;
    uint8_t *rgb = NULL;
    ssgcam_status status = open_png(&png, &header, bytes, size, name);
    size_t count = status == SSGCAM_OK ? (size_t)header.width * header.height : 0;
    if (status == SSGCAM_OK) status = ssg_image_make(image, (int)header.width, (int)header.height, channels);
    if (status == SSGCAM_OK && !(rgb = channels == 3 ? image->pixels : ssg_alloc_aligned(count, 3))) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) {
        int code = spng_decode_image(png, rgb, count * 3, SPNG_FMT_RGB8, 0);
        if (!code) code = spng_decode_chunks(png); /* to the end, so that every checksum is looked at */
        if (code) status = png_error(name, code);
    }
    if (status == SSGCAM_OK && channels == 1) grey_of(image->pixels, rgb, count);
    if (channels == 1) ssg_free(rgb);
    spng_ctx_free(png);
    if (status != SSGCAM_OK) ssg_image_clear(image);
    return status;
}

static ssgcam_status size_of_png(int *width, int *height, const uint8_t *bytes, size_t size, const char *name)
{
    struct spng_ihdr header = {0};
    spng_ctx *png;
    ssgcam_status status = open_png(&png, &header, bytes, size, name);
    spng_ctx_free(png);
    *width = (int)header.width, *height = (int)header.height;
    return status;
}

ssgcam_status ssg_image_decode_indices(ssg_image *image, const uint8_t *bytes, size_t size, const char *name)
{
    *image = (ssg_image){0};
    struct spng_ihdr header;
    spng_ctx *png;
    if (!is_png(bytes, size)) return ssg_fail(SSGCAM_ERR_INPUT, "%s: a mask must be a PNG", name);
    ssgcam_status status = open_png(&png, &header, bytes, size, name);
    int paletted = status == SSGCAM_OK && header.color_type == SPNG_COLOR_TYPE_INDEXED;
    if (status == SSGCAM_OK && (header.bit_depth > 8 || (!paletted && header.color_type != SPNG_COLOR_TYPE_GRAYSCALE)))
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: a mask must be an 8-bit grey or palette PNG whose values are labels, not colours", name);
    if (status == SSGCAM_OK) status = ssg_image_make(image, (int)header.width, (int)header.height, 1);
    if (status == SSGCAM_OK) {
        size_t packed;
        int code = spng_decoded_image_size(png, SPNG_FMT_PNG, &packed);
        uint8_t *rows = code ? NULL : ssg_calloc(packed, 1); /* zeroed: the decoder adds the packed pixels of interlaced images bit by bit */
        if (!code && !rows) status = SSG_OUT_OF_MEMORY;
        if (!code && rows) code = spng_decode_image(png, rows, packed, SPNG_FMT_PNG, 0);
        if (!code && rows) code = spng_decode_chunks(png);
        if (code) status = png_error(name, code);
        /* Values of 1, 2 and 4 bits are packed, the first pixel in the high bits. */
        size_t depth = header.bit_depth, line = (header.width * depth + 7) / 8;
        for (size_t y = 0; status == SSGCAM_OK && y < header.height; y++)
            for (size_t x = 0; x < header.width; x++) {
                size_t bit = x * depth;
                image->pixels[y * header.width + x] = (uint8_t)((rows[y * line + bit / 8] >> (8 - depth - bit % 8)) & ((1u << depth) - 1));
            }
        ssg_free(rows);
    }
    spng_ctx_free(png);
    if (status != SSGCAM_OK) ssg_image_clear(image);
    return status;
}

/* ---- either ------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status unknown_type(const char *name, size_t size)
{
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: %s; JPEG and PNG images are read", name, size ? "not an image of a known type" : "an empty file");
}

ssgcam_status ssg_image_decode(ssg_image *image, const uint8_t *bytes, size_t size, const char *name, int channels)
{
    *image = (ssg_image){0};
    if (channels != 1 && channels != 3) return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d channels; an image has 1 or 3", channels);
    if (is_jpeg(bytes, size)) return decode_jpeg(image, bytes, size, name, channels);
    if (is_png(bytes, size)) return decode_png(image, bytes, size, name, channels);
    return unknown_type(name, size);
}

ssgcam_status ssg_image_decode_size(int *width, int *height, const uint8_t *bytes, size_t size, const char *name)
{
    if (is_jpeg(bytes, size)) return size_of_jpeg(width, height, bytes, size, name);
    if (is_png(bytes, size)) return size_of_png(width, height, bytes, size, name);
    return unknown_type(name, size);
}

typedef ssgcam_status decoder(ssg_image *image, const uint8_t *bytes, size_t size, const char *name, int channels);

static ssgcam_status indices_decoder(ssg_image *image, const uint8_t *bytes, size_t size, const char *name, int channels)
{
    (void)channels;
    return ssg_image_decode_indices(image, bytes, size, name);
}

static ssgcam_status read_with(decoder *decode, ssg_image *image, const char *path, int channels)
{
    char *bytes;
    size_t size;
    *image = (ssg_image){0};
    SSG_TRY(ssg_file_read(&bytes, &size, path, MOST_FILE_BYTES));
    ssgcam_status status = decode(image, (const uint8_t *)bytes, size, path, channels);
    ssg_free(bytes);
    return status;
}

ssgcam_status ssg_image_read(ssg_image *image, const char *path, int channels)
{
    return read_with(ssg_image_decode, image, path, channels);
}

ssgcam_status ssg_image_read_indices(ssg_image *image, const char *path)
{
    return read_with(indices_decoder, image, path, 1);
}

ssgcam_status ssg_image_read_size(int *width, int *height, const char *path)
{
    char *bytes;
    size_t size;
    SSG_TRY(ssg_file_read(&bytes, &size, path, MOST_FILE_BYTES));
    ssgcam_status status = ssg_image_decode_size(width, height, (const uint8_t *)bytes, size, path);
    ssg_free(bytes);
    return status;
}
