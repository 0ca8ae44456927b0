# The CUDA backend: adds nn/cuda as the target nn_cuda and defines HAVE_CUDA for whatever links it.
#
# cuDNN is looked for in the CUDA toolkit, where Debian and NVIDIA's packages put it, and under CUDNN_ROOT (a CMake
# or environment variable), which may be the nvidia/cudnn folder of the Python wheel: there the library has no
# name without a version. Only its header is needed to build: nn/cuda/libraries.c loads it and cuBLASLt when a GPU
# is used, by their names or from where they were found here.
set(CUDA AUTO CACHE STRING "build the CUDA backend: AUTO (where nvcc and cuDNN are found), ON or OFF")
set_property(CACHE CUDA PROPERTY STRINGS AUTO ON OFF)

# Sets ${missing} to what the backend lacks to be built, or to nothing.
function(find_cuda_libraries missing)
  set(${missing} "" PARENT_SCOPE)
  find_package(CUDAToolkit QUIET)
  if(NOT TARGET CUDA::cublasLt OR NOT TARGET CUDA::cudart_static)
    set(${missing} "no CUDA toolkit with cuBLASLt was found" PARENT_SCOPE)
    return()
  endif()
  if(CUDAToolkit_VERSION VERSION_LESS 12) # the first whose nvcc knows C++20
    set(${missing} "the CUDA toolkit ${CUDAToolkit_VERSION} is older than 12" PARENT_SCOPE)
    return()
  endif()
  set(roots ${CUDNN_ROOT} $ENV{CUDNN_ROOT} ${CUDAToolkit_LIBRARY_ROOT} ${CUDAToolkit_TARGET_DIR})
  find_path(CUDNN_INCLUDE cudnn.h HINTS ${roots} PATH_SUFFIXES include)
  find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 NAMES_PER_DIR HINTS ${roots} PATH_SUFFIXES lib lib64 lib/x64)
  if(NOT CUDNN_INCLUDE OR NOT CUDNN_LIBRARY)
    set(${missing} "cuDNN was not found; set CUDNN_ROOT" PARENT_SCOPE)
    return()
  endif()
  file(STRINGS ${CUDNN_INCLUDE}/cudnn_version.h version REGEX "#define CUDNN_MAJOR")
  if(NOT version MATCHES "MAJOR 9")
    set(${missing} "${CUDNN_INCLUDE} is not cuDNN 9" PARENT_SCOPE)
    return()
  endif()
  # For the caller, which links against the targets and needs the folders.
  foreach(name CUDAToolkit_INCLUDE_DIRS CUDAToolkit_LIBRARY_DIR)
    set(${name} ${${name}} PARENT_SCOPE)
  endforeach()
endfunction()

# As above for the compiler, which is tried, not only looked for. Quietly: what is wrong is said once, by the caller.
macro(find_cuda_compiler missing)
  include(CheckLanguage)
  set(level ${CMAKE_MESSAGE_LOG_LEVEL})
  set(CMAKE_MESSAGE_LOG_LEVEL NOTICE)
  check_language(CUDA)
  set(CMAKE_MESSAGE_LOG_LEVEL ${level})
  if(NOT CMAKE_CUDA_COMPILER)
    set(${missing} "no nvcc that works was found")
  endif()
endmacro()

# NCCL, for several GPUs at once: in the toolkit, under NCCL_ROOT, or beside cuDNN's wheel. Only its header is needed
# to build: nn/cuda/collective.c loads it.
function(use_nccl target)
  set(roots ${NCCL_ROOT} $ENV{NCCL_ROOT} ${CUDAToolkit_LIBRARY_ROOT} ${CUDAToolkit_TARGET_DIR}
      ${CUDNN_ROOT}/../nccl $ENV{CUDNN_ROOT}/../nccl)
  find_path(NCCL_INCLUDE nccl.h HINTS ${roots} PATH_SUFFIXES include)
  find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 NAMES_PER_DIR HINTS ${roots} PATH_SUFFIXES lib lib64)
  if(NOT NCCL_INCLUDE OR NOT NCCL_LIBRARY)
    message(STATUS "Several GPUs at once are left out: NCCL was not found; set NCCL_ROOT")
    return()
  endif()
  get_filename_component(folder ${NCCL_LIBRARY} DIRECTORY)
  target_include_directories(${target} SYSTEM PRIVATE ${NCCL_INCLUDE})
  target_compile_definitions(${target} PRIVATE HAVE_NCCL NCCL_FOLDER="${folder}")
endfunction()

function(add_cuda_backend)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/nn/cuda/*.c)
  file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/nn/cuda/*.cu)
  add_library(nn_cuda STATIC ${sources} ${kernels})
  set_target_properties(nn_cuda PROPERTIES CUDA_ARCHITECTURES "80-real;90-real;90-virtual")
  # nvcc takes none of the C compiler's flags, so the list that the folder would pass on is replaced: C sources
  # keep it, kernels get the warnings that C++ has in common with it (where C has designated initialisers of some
  # members, C++ would warn). The standard is given as a flag because the oldest CMake that we accept does not
  # know that today's nvcc has C++20.
  get_property(flags DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY COMPILE_OPTIONS)
  set_property(TARGET nn_cuda PROPERTY COMPILE_OPTIONS
    "$<$<COMPILE_LANGUAGE:C>:${flags}>"
    "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-Xcompiler=-Wall,-Wextra,-Wno-missing-field-initializers>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${WERROR}>>:-Werror=all-warnings>")
  # The same random numbers as base/rng.c, to the bit.
  set_source_files_properties(${PROJECT_SOURCE_DIR}/nn/cuda/random.cu PROPERTIES COMPILE_OPTIONS -fmad=false)
  target_include_directories(nn_cuda SYSTEM PRIVATE ${CUDNN_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(nn_cuda PUBLIC nn PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
  get_filename_component(cudnn_folder ${CUDNN_LIBRARY} DIRECTORY)
  target_compile_definitions(nn_cuda PRIVATE CUBLAS_FOLDER="${CUDAToolkit_LIBRARY_DIR}" CUDNN_FOLDER="${cudnn_folder}")
  target_compile_definitions(nn_cuda INTERFACE HAVE_CUDA)
  use_nccl(nn_cuda)
endfunction()

# The backend on a simulated device, for tests where there is no GPU: tests/nn/simulated_cuda/device.h. It needs the
# headers and a C++ compiler, not nvcc. A kernel file is compiled by way of a file that includes it, so that nn_cuda
# may have the same file as CUDA.
function(add_simulated_cuda)
  set(simulated ${PROJECT_SOURCE_DIR}/tests/nn/simulated_cuda)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/nn/cuda/*.c ${simulated}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/nn/cuda/libraries\\.c$")
  file(GLOB kernels CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/nn/cuda/*.cu)
  foreach(kernel ${kernels})
    set(including ${CMAKE_BINARY_DIR}/simulated/${kernel}.cc)
    file(CONFIGURE OUTPUT ${including} CONTENT "#include \"tests/nn/simulated_cuda/device.h\"\n\n#include \"${kernel}\"\n")
    list(APPEND sources ${including})
  endforeach()
  add_library(nn_simulated_cuda STATIC ${sources})
  target_compile_features(nn_simulated_cuda PRIVATE cxx_std_20)
  target_compile_options(nn_simulated_cuda PRIVATE -O2
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers;-Wno-unknown-pragmas;-Wno-conversion;-Wno-pedantic;-Wno-clobbered>")
  target_include_directories(nn_simulated_cuda SYSTEM PRIVATE ${CUDNN_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(nn_simulated_cuda PUBLIC nn stdc++)
  target_compile_definitions(nn_simulated_cuda INTERFACE HAVE_CUDA)
  use_nccl(nn_simulated_cuda)
endfunction()

set(without_cuda)
if(NOT CUDA STREQUAL "AUTO" AND NOT CUDA)
  set(without_cuda "CUDA=${CUDA}")
  set(without_simulation ${without_cuda})
else()
  find_cuda_libraries(without_cuda)
  set(without_simulation ${without_cuda})
  if(CUDA STREQUAL "AUTO" AND SANITIZE)
    set(without_cuda "SANITIZE=ON; use CUDA=ON to have both")
  elseif(NOT without_cuda)
    find_cuda_compiler(without_cuda)
  endif()
  if(without_cuda AND NOT CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "CUDA=${CUDA}, but ${without_cuda}")
  endif()
endif()
if(without_cuda)
  message(STATUS "The CUDA backend is left out: ${without_cuda}")
else()
  set(CMAKE_CUDA_ARCHITECTURES 80) # of the compiler check; the target has its own list
  enable_language(CUDA)
  add_cuda_backend()
endif()
