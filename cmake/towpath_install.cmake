# What `cmake --install` gives: headers, the libraries for C++ and for C, tow, a CMake package,
# pkg-config files.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/towpath)

install(DIRECTORY bus/include/ shm/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")
install(TARGETS towpath towpath_static EXPORT towpath_targets)
if(TARGET towpath_c)  # with the same CMake package: towpath::c and towpath::c_static
  install(DIRECTORY bindings/c/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")
  install(TARGETS towpath_c towpath_c_static EXPORT towpath_targets)
endif()
install(EXPORT towpath_targets NAMESPACE towpath:: FILE towpath-targets.cmake
  DESTINATION ${package_dir})

configure_package_config_file(cmake/towpath-config.cmake.in towpath-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(towpath-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/towpath-config.cmake
  ${PROJECT_BINARY_DIR}/towpath-config-version.cmake DESTINATION ${package_dir})

# The .pc file finds the prefix from where it lies, so that an installed tree may be moved.
file(RELATIVE_PATH TOWPATH_PC_TO_PREFIX
  "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(cmake/towpath.pc.in towpath.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/towpath.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET towpath_c)
  configure_file(cmake/towpath_c.pc.in towpath_c.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/towpath_c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

if(TARGET tow)
  install(TARGETS tow)
  set(completions ${PROJECT_SOURCE_DIR}/cli/completions)
  install(FILES ${completions}/tow.bash RENAME tow OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completions}/_tow OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${completions}/tow.fish OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
if(TARGET towd)
  install(TARGETS towd)
  install(FILES ${PROJECT_BINARY_DIR}/daemon/towd.service DESTINATION lib/systemd/user)
endif()
