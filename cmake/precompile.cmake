# Precompiled system headers: half of a cold build is reading the standard library over and over. Only
# headers of the system are listed, so that no file of ours is included unseen, and headers_alone compiles
# ours without any of it. One file for all libraries and one for all tests, named by a path relative to the
# build folder: so ccache finds its results again from any checkout.
option(EVERGATE_PCH "Precompile the system headers (Ninja only)" ON)

set(evergate_system_headers algorithm array atomic bit charconv chrono compare concepts condition_variable
  cstddef cstdint cstring deque expected filesystem functional iterator limits list map memory mutex numeric
  optional set shared_mutex span string string_view system_error thread tuple unordered_map unordered_set
  utility variant vector fmt/format.h)

# evergate_precompiled(NAME header...): makes the file that evergate_precompile(TARGET NAME) uses. What is
# linked afterwards to evergate_pch_NAME must have the same code generation flags as its users.
function(evergate_precompiled name)
  set(target evergate_pch_${name})
  set(headers ${ARGN})
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch/${name}.cpp CONTENT "")
  add_library(${target} OBJECT ${CMAKE_BINARY_DIR}/pch/${name}.cpp)
  target_link_libraries(${target} PRIVATE evergate_flags fmt::fmt)
  list(TRANSFORM headers REPLACE "(.+)" "<\\1>")
  target_precompile_headers(${target} PRIVATE ${headers})
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  # For ccache: what the headers say stands for the file, which differs from folder to folder.
  string(REPLACE ";" "\n#include " text "#include ${headers}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch/${name}.hpp CONTENT "${text}\n")
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -std=c++23 -E -P ${CMAKE_BINARY_DIR}/pch/${name}.hpp
    OUTPUT_VARIABLE preprocessed ERROR_QUIET)
  string(SHA256 sum "${CMAKE_CXX_COMPILER_VERSION}${preprocessed}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch.sum CONTENT "${sum}\n")
endfunction()

function(evergate_precompile target name)
  if(TARGET evergate_pch_${name})
    set(file CMakeFiles/evergate_pch_${name}.dir/cmake_pch.hxx.pch)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:SHELL:-include-pch\ ${file}>
      "SHELL:-Xclang -fno-pch-timestamp" -Winvalid-pch)
    get_target_property(sources ${target} SOURCES)
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/${file})
  endif()
endfunction()

if(EVERGATE_PCH AND CMAKE_GENERATOR MATCHES "Ninja")
  evergate_precompiled(library ${evergate_system_headers})
  if(EVERGATE_TESTS)
    evergate_precompiled(test ${evergate_system_headers} gtest/gtest.h)
    target_link_libraries(evergate_pch_test PRIVATE GTest::gtest)
    target_compile_options(evergate_pch_test PRIVATE $<$<CONFIG:Debug>:-O0>)
  endif()
endif()
