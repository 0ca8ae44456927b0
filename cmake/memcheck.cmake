# memcheck_SUITE: a suite's tests with tests/memcheck/runner.c in place of Criterion's runner, for tools/memcheck.sh.
add_custom_target(memcheck)
add_dependencies(memcheck bench fuzz_replay)

function(memcheck_program name)
  string(REGEX REPLACE "^test_" "memcheck_" program ${name})
  add_executable(${program} EXCLUDE_FROM_ALL tests/memcheck/runner.c $<TARGET_OBJECTS:${name}>)
  target_link_libraries(${program} PRIVATE ${ARGN})
  target_include_directories(${program} SYSTEM PRIVATE ${CRITERION_INCLUDE_DIRS})
  set_target_properties(${program} PROPERTIES LINKER_LANGUAGE C)
  add_dependencies(memcheck ${program})
endfunction()
