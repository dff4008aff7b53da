/* proto_check.h - a look at protobuf bytes before they are unpacked. */
#ifndef SSG_MODEL_PROTO_CHECK_H
#define SSG_MODEL_PROTO_CHECK_H

#include <protobuf-c/protobuf-c.h>

#include "host/base/status.h"

/* Walks the wire format of a message of type `type` and fails if messages nest deeper than any real model's: protobuf-c unpacks recursively without a
 * limit, so a hostile file could otherwise exhaust the stack. Malformed bytes are left for the unpacker to refuse. */
ssgcam_status ssg_proto_check_depth(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size);

#endif
