# External libraries, each as one imported target. scripts/setup.sh installs what is missing.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP COMPONENTS C REQUIRED)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(spng REQUIRED IMPORTED_TARGET spng)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(expat REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(exif REQUIRED IMPORTED_TARGET libexif)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(protobuf-c REQUIRED IMPORTED_TARGET libprotobuf-c)

find_path(CSV_INCLUDE_DIR csv.h REQUIRED)
find_library(CSV_LIBRARY csv REQUIRED)
add_library(ssgcam::csv INTERFACE IMPORTED)
target_include_directories(ssgcam::csv INTERFACE ${CSV_INCLUDE_DIR})
target_link_libraries(ssgcam::csv INTERFACE ${CSV_LIBRARY})

# oneDNN 2.x (Debian 12) and 3.x have different C interfaces; host/device/cpu picks its file by the version found here.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h HINTS ${SSGCAM_ONEDNN_ROOT}/include REQUIRED)
find_library(DNNL_LIBRARY dnnl HINTS ${SSGCAM_ONEDNN_ROOT}/lib REQUIRED)
file(STRINGS ${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h dnnl_major REGEX "define DNNL_VERSION_MAJOR")
string(REGEX REPLACE ".*MAJOR +([0-9]+).*" "\\1" SSGCAM_DNNL_MAJOR "${dnnl_major}")
add_library(ssgcam::dnnl INTERFACE IMPORTED)
target_include_directories(ssgcam::dnnl INTERFACE ${DNNL_INCLUDE_DIR})
target_link_libraries(ssgcam::dnnl INTERFACE ${DNNL_LIBRARY})

find_program(PROTOC_C protoc-c REQUIRED)
find_path(ONNX_PROTO_DIR onnx/onnx.proto REQUIRED)
