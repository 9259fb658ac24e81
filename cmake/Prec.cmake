# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# How a library, a tool and a unit test of this project are built.
separate_arguments(PREC_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
option(PREC_SANITIZE "build with address and undefined-behaviour sanitizers" OFF)

# Programs too are compiled -fPIC: one precompiled header serves them all.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)

# Without a date in it a precompiled header does not change, and ccache can tell.
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang\ -fno-pch-timestamp>)

# LLVM's linker: g++ finds it by -B, clang beside itself.
add_link_options($<$<CXX_COMPILER_ID:GNU>:-B${LLVM_TOOLS_BINARY_DIR}> -fuse-ld=lld)

add_library(PrecOptions INTERFACE)
target_compile_definitions(PrecOptions INTERFACE ${PREC_LLVM_DEFINITIONS})
target_compile_options(PrecOptions INTERFACE -Wall -Wextra -Werror
  -fno-exceptions -fvisibility-inlines-hidden -ffp-contract=off)
# g++ 12 sees overlapping and endless copies in std::string's own header (GCC bugs 105651,
# 105329), places beyond arrays in std::map's and std::span's (empty ones), empty optionals
# read (80635), and GoogleTest's macros as an ambiguous else.
target_compile_options(PrecOptions INTERFACE $<$<CXX_COMPILER_ID:GNU>:
  -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized
  -Wno-dangling-else>)
target_include_directories(PrecOptions INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
# Generated files are not ours to warn about.
target_include_directories(PrecOptions SYSTEM INTERFACE
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
  ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
if(PREC_SANITIZE)
  target_compile_options(PrecOptions INTERFACE
    -fsanitize=address,undefined -fno-sanitize=vptr,function
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(PrecOptions INTERFACE -fsanitize=address,undefined)
endif()

# prec_add_library(PrecRoom SOURCES a.cpp ... [LINK PrecOther MLIR ...] [MLIR])
# MLIR: the sources include MLIR's headers, which are then precompiled.
function(prec_add_library name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:PrecOptions>)
  target_include_directories(${name} INTERFACE $<INSTALL_INTERFACE:include>)
  if(PREC_SANITIZE) # whoever links it needs the runtime
    target_link_options(${name} INTERFACE -fsanitize=address,undefined)
  endif()
  install(TARGETS ${name} EXPORT PrecTargets ARCHIVE DESTINATION lib)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(ARG_MLIR)
    target_link_libraries(${name} PUBLIC MLIR LLVM)
    prec_precompile(${name})
  endif()
endfunction()

# Precompiles MLIR's heavy headers once and shares them (7 s a file become 1).
function(prec_precompile name)
  if(NOT TARGET PrecPrecompiled)
    file(WRITE ${PROJECT_BINARY_DIR}/PrecPrecompiled.cpp "")
    add_library(PrecPrecompiled OBJECT ${PROJECT_BINARY_DIR}/PrecPrecompiled.cpp)
    target_link_libraries(PrecPrecompiled PRIVATE PrecOptions)
    set_target_properties(PrecPrecompiled PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(PrecPrecompiled PRIVATE -fPIC)
    target_precompile_headers(PrecPrecompiled PRIVATE
      <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h>
      <mlir/Dialect/Linalg/IR/Linalg.h> <mlir/Dialect/Math/IR/Math.h>
      <mlir/Dialect/MemRef/IR/MemRef.h> <mlir/Dialect/SCF/IR/SCF.h>
      <mlir/Dialect/Tensor/IR/Tensor.h> <mlir/Dialect/Vector/IR/VectorOps.h>
      <mlir/IR/PatternMatch.h> <mlir/Pass/PassManager.h>)
  endif()
  # One kind of code for all users of the header: executables take -fPIC too.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM PrecPrecompiled)
  # An executable would be compiled with -fPIE, which the headers were not.
  get_target_property(type ${name} TYPE)
  if(type STREQUAL EXECUTABLE)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
  endif()
endfunction()

# prec_add_tool(prec-x SOURCES a.cpp ... LINK PrecRoom ... [MLIR])
function(prec_add_tool name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} PrecOptions)
  if(ARG_MLIR)
    target_link_libraries(${name} PRIVATE MLIR LLVM)
    prec_precompile(${name})
  endif()
  install(TARGETS ${name} RUNTIME COMPONENT tools)
  set_property(GLOBAL APPEND PROPERTY PREC_TEST_DEPENDS ${name})
endfunction()

# prec_add_unit_test(Name SOURCES a.cpp ... LINK PrecRoom ... [MLIR]), in test/ROOM: a
# GoogleTest program build/test/unit/ROOM/NameTests, which lit runs test by test.
function(prec_add_unit_test name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name}Tests ${ARG_SOURCES})
  target_link_libraries(${name}Tests PRIVATE ${ARG_LINK} PrecOptions
    GTest::gtest_main GTest::gmock)
  if(ARG_MLIR)
    target_link_libraries(${name}Tests PRIVATE MLIR LLVM)
    prec_precompile(${name}Tests)
  else() # a test that takes the value of an empty optional ends there
    target_compile_definitions(${name}Tests PRIVATE _GLIBCXX_ASSERTIONS)
  endif()
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME room)
  set_target_properties(${name}Tests PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/unit/${room})
  set_property(GLOBAL APPEND PROPERTY PREC_TEST_DEPENDS ${name}Tests)
endfunction()
