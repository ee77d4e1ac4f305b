# What find_package(evergate) finds: the public headers, the static libraries of the rooms, and a package whose
# target evergate::evergate links them and what they stand on. The programs go to bin/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Every room but those that the library does not stand on.
get_property(evergate_rooms GLOBAL PROPERTY EVERGATE_ROOMS)
list(REMOVE_ITEM evergate_rooms sim daemon)
add_library(evergate_library INTERFACE)
set_target_properties(evergate_library PROPERTIES EXPORT_NAME evergate)
target_link_libraries(evergate_library INTERFACE evergate_app)
target_compile_features(evergate_library INTERFACE cxx_std_23)
target_include_directories(evergate_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
add_library(evergate::evergate ALIAS evergate_library)

set(evergate_installed evergate_library)
set(EVERGATE_PKG_CONFIG "")
foreach(room ${evergate_rooms})
  list(APPEND evergate_installed evergate_${room})
  # What pkg-config has found for it, as NAME:module, for the package to find again.
  get_target_property(linked evergate_${room} INTERFACE_LINK_LIBRARIES)
  string(REGEX MATCHALL "PkgConfig::[A-Za-z0-9_]+" linked "${linked}")
  foreach(one ${linked})
    string(REPLACE "PkgConfig::" "" one ${one})
    list(APPEND EVERGATE_PKG_CONFIG ${one}:${${one}_MODULE_NAME})
  endforeach()
endforeach()
list(REMOVE_DUPLICATES EVERGATE_PKG_CONFIG)
list(JOIN EVERGATE_PKG_CONFIG " " EVERGATE_PKG_CONFIG)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/evergate)
install(TARGETS ${evergate_installed} EXPORT evergate ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/evergate)
install(EXPORT evergate NAMESPACE evergate:: FILE evergateTargets.cmake DESTINATION ${package})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/evergate DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
install(TARGETS evergate RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
configure_package_config_file(cmake/evergateConfig.cmake.in ${CMAKE_BINARY_DIR}/evergateConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/evergateConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/evergateConfig.cmake ${CMAKE_BINARY_DIR}/evergateConfigVersion.cmake
  DESTINATION ${package})
