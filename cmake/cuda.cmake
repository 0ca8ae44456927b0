# The CUDA backend, where nvcc and cuDNN 9 are found: adds nn/cuda as the target nn_cuda and defines HAVE_CUDA for
# whatever links it. Where something is missing, or with -DCUDA=OFF, it is left out, and one line says so.
#
# cuDNN is looked for in the CUDA toolkit, where Debian and NVIDIA's packages put it, and under CUDNN_ROOT (a CMake
# or environment variable), which may be the nvidia/cudnn folder of the Python wheel: there the library has no
# name without a version.
# Off by default: it compiles and links, and its index arithmetic is tested on the host, but no GPU has run it yet.
option(CUDA "build the CUDA backend where nvcc and cuDNN are found" OFF)

function(find_cudnn missing)
  set(roots ${CUDNN_ROOT} $ENV{CUDNN_ROOT} ${CUDAToolkit_LIBRARY_ROOT} ${CUDAToolkit_TARGET_DIR})
  find_path(CUDNN_INCLUDE cudnn.h HINTS ${roots} PATH_SUFFIXES include)
  find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 NAMES_PER_DIR HINTS ${roots} PATH_SUFFIXES lib lib64 lib/x64)
  set(${missing} "" PARENT_SCOPE)
  if(NOT CUDNN_INCLUDE OR NOT CUDNN_LIBRARY)
    set(${missing} "cuDNN was not found; set CUDNN_ROOT" PARENT_SCOPE)
    return()
  endif()
  file(STRINGS ${CUDNN_INCLUDE}/cudnn_version.h version REGEX "#define CUDNN_MAJOR")
  if(NOT version MATCHES "MAJOR 9")
    set(${missing} "${CUDNN_INCLUDE} is not cuDNN 9" PARENT_SCOPE)
  endif()
endfunction()

function(add_cuda_backend missing)
  find_package(CUDAToolkit QUIET)
  if(NOT TARGET CUDA::cublasLt OR NOT TARGET CUDA::cudart_static)
    set(${missing} "the CUDA toolkit has no cuBLASLt" PARENT_SCOPE)
    return()
  endif()
  find_cudnn(problem)
  if(problem)
    set(${missing} "${problem}" PARENT_SCOPE)
    return()
  endif()

  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/nn/cuda/*.c)
  file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/nn/cuda/*.cu)
  add_library(nn_cuda STATIC ${sources} ${kernels})
  set_target_properties(nn_cuda PROPERTIES CUDA_ARCHITECTURES "80-real;90-real;90-virtual")
  # nvcc takes none of the C compiler's flags, so the list that the folder would pass on is replaced: C sources
  # keep it, kernels get the warnings that C++ has in common with it. The standard is given as a flag because the
  # oldest CMake that we accept does not know that today's nvcc has C++20 (for designated initialisers).
  get_property(flags DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY COMPILE_OPTIONS)
  set_property(TARGET nn_cuda PROPERTY COMPILE_OPTIONS
    "$<$<COMPILE_LANGUAGE:C>:${flags}>"
    "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-Xcompiler=-Wall,-Wextra>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${WERROR}>>:-Werror=all-warnings>")
  target_include_directories(nn_cuda SYSTEM PRIVATE ${CUDNN_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(nn_cuda PUBLIC nn PRIVATE ${CUDNN_LIBRARY} CUDA::cudart_static ${CMAKE_DL_LIBS})
  target_compile_definitions(nn_cuda PRIVATE CUBLAS_FOLDER="${CUDAToolkit_LIBRARY_DIR}") # nn/cuda/blas.c loads it
  target_compile_definitions(nn_cuda INTERFACE HAVE_CUDA)
  set(${missing} "" PARENT_SCOPE)
endfunction()

if(CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES 80) # of the compiler check; the target has its own list
    enable_language(CUDA)
    add_cuda_backend(without_cuda)
    if(TARGET nn_cuda)
      get_filename_component(cudnn_folder ${CUDNN_LIBRARY} DIRECTORY)
      list(APPEND CMAKE_INSTALL_RPATH ${cudnn_folder})
    endif()
  else()
    set(without_cuda "nvcc was not found")
  endif()
else()
  set(without_cuda "CUDA=OFF")
endif()
if(without_cuda)
  message(STATUS "The CUDA backend is left out: ${without_cuda}")
endif()
