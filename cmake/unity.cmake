# Several sources of a folder as one translation unit: most of a cold build is reading the same headers and
# instantiating the same templates again. So a name in an anonymous namespace is unique in its folder. The files
# written name the sources by paths relative to the build folder, so that ccache finds its results again from any
# checkout. -DEVERGATE_UNITY=OFF compiles each source alone, as `evergate.sh lint` and clangd want it.
option(EVERGATE_UNITY "Compile the sources of a folder several at once" ON)

# evergate_unity(RESULT NAME MOST source...): sets RESULT to what to compile instead of the sources (absolute paths
# of one folder): files of up to MOST of them each.
function(evergate_unity result name most)
  set(sources ${ARGN})
  list(LENGTH sources count)
  if(NOT EVERGATE_UNITY OR count LESS 2)
    set(${result} ${sources} PARENT_SCOPE)
    return()
  endif()
  math(EXPR files "(${count} + ${most} - 1) / ${most}")
  math(EXPR each "(${count} + ${files} - 1) / ${files}")
  set(written)
  set(folder ${CMAKE_BINARY_DIR}/unity)
  foreach(number RANGE 1 ${files})
    math(EXPR first "(${number} - 1) * ${each}")
    if(first LESS count)
      list(SUBLIST sources ${first} ${each} part)
      set(text "")
      foreach(source ${part})
        file(RELATIVE_PATH path ${folder} ${source})
        string(APPEND text "#include \"${path}\"\n")
      endforeach()
      file(CONFIGURE OUTPUT ${folder}/${name}_${number}.cpp CONTENT "${text}" @ONLY)
      list(APPEND written ${folder}/${name}_${number}.cpp)
    endif()
  endforeach()
  set(${result} ${written} PARENT_SCOPE)
endfunction()
