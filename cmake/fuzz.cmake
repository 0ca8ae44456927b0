# fuzz_replay: the targets of tests/fuzz over their corpora and simple mutations of them, a test like any other. With
# -DFUZZ=ON and clang also `fuzz`, the same under libFuzzer (make -f Makefile.bench fuzz).
option(FUZZ "libFuzzer over the parsers; needs clang, its compiler-rt and libomp" OFF)

# Before any target: every part is to be watched by the fuzzer.
if(FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "-DFUZZ=ON needs clang: CC=clang (Debian: clang, libclang-rt-14-dev, libomp-dev)")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# After bench_parts: the programs.
function(add_fuzz_programs)
  set(targets tests/fuzz/common.c tests/fuzz/formats.c tests/fuzz/importers.c tests/fuzz/sets.c tests/fuzz/runs.c)
  add_executable(fuzz_replay ${targets} tests/fuzz/replay.c)
  target_link_libraries(fuzz_replay PRIVATE bench_parts)
  set_target_properties(fuzz_replay PROPERTIES LINKER_LANGUAGE C)
  add_test(NAME fuzz COMMAND fuzz_replay ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus 1000)
  # Importers decode side by side; a thread for one image of 4 x 4 pixels only costs.
  set_tests_properties(fuzz PROPERTIES ENVIRONMENT OMP_NUM_THREADS=1)
  if(FUZZ)
    add_executable(fuzz ${targets} tests/fuzz/libfuzzer.c)
    target_link_libraries(fuzz PRIVATE bench_parts -fsanitize=fuzzer)
    set_target_properties(fuzz PROPERTIES LINKER_LANGUAGE C)
  endif()
endfunction()
