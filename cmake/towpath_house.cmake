# What every target of ours links PRIVATE: the warnings and, in the sanitizer presets, the
# sanitizers. There are no global flags, so a project that embeds Towpath keeps its own.

add_library(towpath_warnings INTERFACE)
target_compile_options(towpath_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  $<$<BOOL:${TOWPATH_WERROR}>:-Werror>)

add_library(towpath_sanitizers INTERFACE)
if(TOWPATH_SANITIZE)
  target_compile_options(towpath_sanitizers INTERFACE
    -fsanitize=${TOWPATH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(towpath_sanitizers INTERFACE -fsanitize=${TOWPATH_SANITIZE})
  target_compile_definitions(towpath_sanitizers INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# gcc says of every fence that TSan does not model it. We know, and the tests are chosen for it.
if(TOWPATH_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(towpath_warnings INTERFACE -Wno-tsan)
endif()

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(TOWPATH_CCACHE ccache)
  if(TOWPATH_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Without these it keeps nothing that was compiled with a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${TOWPATH_CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${TOWPATH_CCACHE})
  endif()
endif()

# Gives a target of ours what it may use: the language, the warnings, the sanitizers.
function(towpath_own target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PRIVATE towpath_warnings towpath_sanitizers)
endfunction()

# For targets whose own code is not what is fast: half the time to build them, and under the
# sanitizers a third. Those check what is written, so less optimised they check no less.
function(towpath_build_fast target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1 -g1>)
  if(TOWPATH_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# Compiles headers that all sources of a target include anyway once for all of them; or, with
# REUSE_FROM, takes those of a target with the same options.
function(towpath_precompile target)
  if(ARGV1 STREQUAL "REUSE_FROM")
    target_precompile_headers(${target} ${ARGN})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

# Compiles the sources of a target in batches, each read as one: what they all include and
# instantiate is most of the time, and is paid once a batch. So no two sources of a target may have
# a helper of one name. Not for what is measured or shipped as a library: it would be optimised
# otherwise than by those who embed us.
function(towpath_unite target)
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD ${TOWPATH_UNITE} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# Adds an executable made of the given sources on top of the static library.
function(towpath_executable target)
  add_executable(${target} ${ARGN})
  towpath_own(${target})
  target_link_libraries(${target} PRIVATE towpath::static)
endfunction()
