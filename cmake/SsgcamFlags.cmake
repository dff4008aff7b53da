# Language level, warnings and sanitizers for every target; ssgcam_part() declares one folder's objects.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(SSGCAM_ONEDNN_ROOT)
  set(CMAKE_INSTALL_RPATH ${SSGCAM_ONEDNN_ROOT}/lib) # what is installed finds a oneDNN outside the system's folders
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_compile_definitions(_GNU_SOURCE)
# Contraction off: a result must not depend on the compiler's choice of fused multiply-add; kernels that want one write fmaf().
if(CMAKE_C_COMPILER_ID STREQUAL GNU)
  add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-Wno-format-truncation>) # messages may be cut, on purpose
elseif(CMAKE_C_COMPILER_ID MATCHES Clang)
  add_compile_options(-Wno-pass-failed) # a loop that it cannot vectorise stays a loop
endif()
# No errno from libm: lets sqrtf and friends vectorise without changing any value.
set(warnings -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wpointer-arith -Wundef -Wvla -Werror -ffp-contract=off -fno-math-errno)
add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:${warnings}>" $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g3")

if(SSGCAM_SANITIZE)
  add_compile_options(-fsanitize=${SSGCAM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SSGCAM_SANITIZE})
endif()

# ssgcam_part(NAME SOURCES... [LIBS ...]): the objects of one folder, collected into libssgcam.
# LIBS are the external libraries of that folder; they reach libssgcam and everything that links it.
function(ssgcam_part name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_library(ssg_${name} OBJECT ${arg_SOURCES})
  target_include_directories(ssg_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})
  target_link_libraries(ssg_${name} PUBLIC ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY SSGCAM_PARTS ssg_${name})
  set_property(GLOBAL APPEND PROPERTY SSGCAM_LIBS ${arg_LIBS})
endfunction()
