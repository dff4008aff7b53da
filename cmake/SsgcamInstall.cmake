# Headers, both libraries, the program, a pkg-config file and a CMake package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY include/ssgcam DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS ssgcam_shared EXPORT ssgcam-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ssgcam_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET ssgcam_cli)
  install(TARGETS ssgcam_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
set_target_properties(ssgcam_shared PROPERTIES EXPORT_NAME shared)
install(EXPORT ssgcam-targets NAMESPACE ssgcam:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ssgcam)

get_filename_component(SSGCAM_DNNL_FOLDER ${DNNL_LIBRARY} DIRECTORY) # for whoever links statically
# The prefix is found from the file's own place: `cmake --install --prefix` may choose another one than the configuration's.
file(RELATIVE_PATH SSGCAM_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/ssgcam.pc.in ${CMAKE_CURRENT_BINARY_DIR}/ssgcam.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ssgcam.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/ssgcam-config.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/ssgcam-targets.cmake)\n")
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/ssgcam-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ssgcam-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/ssgcam-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ssgcam)
