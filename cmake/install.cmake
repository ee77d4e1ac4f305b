# What find_package(evergate) finds: the public headers, the static libraries of the rooms, and a package whose
# target evergate::evergate links them and what they stand on. The programs go to bin/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(evergate_rooms base proto flow net upstream pipeline journal downstream control controllers admin app)
add_library(evergate_library INTERFACE)
set_target_properties(evergate_library PROPERTIES EXPORT_NAME evergate)
target_link_libraries(evergate_library INTERFACE evergate_app)
target_compile_features(evergate_library INTERFACE cxx_std_23)
target_include_directories(evergate_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
add_library(evergate::evergate ALIAS evergate_library)

set(evergate_installed evergate_library)
foreach(room ${evergate_rooms})
  if(TARGET evergate_${room})
    list(APPEND evergate_installed evergate_${room})
  endif()
endforeach()
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
