#include "host/model/proto_check.h"

enum { DEEPEST = 32, WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* Reads a base-128 number; returns the bytes used, 0 if malformed. */
static size_t read_varint(const uint8_t *bytes, size_t size, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < size && i < 10; i++) {
        *value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if (!(bytes[i] & 0x80)) return i + 1;
    }
    return 0;
}

static ssgcam_status walk(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size, int depth)
{
    if (depth > DEEPEST) return ssg_fail(SSGCAM_ERR_INPUT, "messages nest deeper than %d levels; this is not a sane ONNX file", DEEPEST);
    size_t at = 0;
    while (at < size) {
        uint64_t key, length = 0;
        size_t used = read_varint(bytes + at, size - at, &key);
        if (!used) return SSGCAM_OK;
        at += used;
        switch (key & 7) {
        case WIRE_VARINT:
            used = read_varint(bytes + at, size - at, &length);
            if (!used) return SSGCAM_OK;
            length = used;
            break;
        case WIRE_64: length = 8; break;
        case WIRE_32: length = 4; break;
        case WIRE_BYTES:
            used = read_varint(bytes + at, size - at, &length);
            if (!used) return SSGCAM_OK;
            at += used;
            break;
        default: return SSGCAM_OK;
        }
        if (length > size - at) return SSGCAM_OK;
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && (key & 7) == WIRE_BYTES)
            SSG_TRY(walk(field->descriptor, bytes + at, (size_t)length, depth + 1));
        at += (size_t)length;
    }
    return SSGCAM_OK;
}

ssgcam_status ssg_proto_check_depth(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size)
{
    return walk(type, bytes, size, 0);
}
