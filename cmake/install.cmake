# What `cmake --install` puts in place: the program with its man page and completion, and the library, which is all parts but
# bench/ and nn/cuda in one archive, with its public headers and a pkg-config file. `cpack -G DEB` makes a Debian package.
#
# Debian's place for libraries whatever the prefix: the package's is /usr, which CMake does not know when it is configured.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version)
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE})
endif()
include(GNUInstallDirs)
set(CMAKE_INSTALL_DOCDIR ${CMAKE_INSTALL_DATAROOTDIR}/doc/emixer-bench)

set(library_parts base phantom data importers nn nn_ref nn_cpu emixer downstream)
set(archive ${CMAKE_BINARY_DIR}/libemixer-bench.a)
set(script "create ${archive}\n")
foreach(library_part ${library_parts})
  string(APPEND script "addlib $<TARGET_FILE:${library_part}>\n")
endforeach()
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/archive.mri CONTENT "${script}save\nend\n")
add_custom_command(OUTPUT ${archive} DEPENDS ${library_parts} ${CMAKE_BINARY_DIR}/archive.mri
  COMMAND ${CMAKE_AR} -M < ${CMAKE_BINARY_DIR}/archive.mri VERBATIM)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/bench.1.gz DEPENDS bench cmake/man_page.cmake
  COMMAND ${CMAKE_COMMAND} -D BENCH=$<TARGET_FILE:bench> -D OUT=${CMAKE_BINARY_DIR}/bench.1 -D VERSION=${PROJECT_VERSION}
          -P ${PROJECT_SOURCE_DIR}/cmake/man_page.cmake
  COMMAND gzip -9nf bench.1 WORKING_DIRECTORY ${CMAKE_BINARY_DIR} VERBATIM)
# Debian's form of the change log; the changes themselves are in CHANGELOG.md.
file(TIMESTAMP ${PROJECT_SOURCE_DIR}/CHANGELOG.md CHANGED "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(packaging/changelog.in changelog @ONLY)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/changelog.gz DEPENDS ${CMAKE_BINARY_DIR}/changelog
  COMMAND gzip -9nkf changelog WORKING_DIRECTORY ${CMAKE_BINARY_DIR} VERBATIM)
add_custom_target(installed ALL DEPENDS ${archive} ${CMAKE_BINARY_DIR}/bench.1.gz ${CMAKE_BINARY_DIR}/changelog.gz)

file(RELATIVE_PATH TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" TO_PREFIX "${TO_PREFIX}")
configure_file(packaging/emixer-bench.pc.in emixer-bench.pc @ONLY)
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/emixer-bench.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/bench.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/bench.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME bench)
install(FILES examples/train_and_sample.c experiments/covid_fewshot.ini DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES README.md CHANGELOG.md packaging/copyright ${CMAKE_BINARY_DIR}/changelog.gz DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME emixer-bench)
# The public headers: each says what it needs itself, and none shows the inside of a part.
foreach(header
    base/err.h base/files.h base/hash.h base/rng.h base/strings.h base/text.h
    data/augment.h data/dataset.h data/dedup.h data/export.h data/images.h data/near_duplicates.h data/npy.h data/openi.h
    data/report_text.h data/set_summary.h data/set_writer.h data/split_file.h data/subset.h data/vocabulary.h
    data/importers/importer.h nn/net.h nn/ops.def nn/safetensors.h nn/sequence.h emixer/emixer.h
    downstream/classifier.h downstream/copies.h downstream/label_metrics.h downstream/labeller.h downstream/meteor.h
    downstream/metrics.h downstream/report_generator.h downstream/set_metrics.h downstream/text_metrics.h)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/emixer-bench/${folder})
endforeach()

set(CPACK_PACKAGE_NAME emixer-bench)
set(CPACK_PACKAGE_CONTACT "the EMIXER bench project <nobody@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "measures what synthetic chest X-rays are worth for training")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Trains a conditional generator of chest X-rays and their reports
(EMIXER), makes synthetic ones, trains classifiers and report generators with
and without them, and reports the gain with an interval over paired seeds.
It imports the public data sets, and starts with a procedural phantom.
The library is among it, with its headers and a pkg-config file.")
set(CPACK_GENERATOR DEB)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# dpkg-shlibdeps only sees a need for some build of OpenBLAS.
set(CPACK_DEBIAN_PACKAGE_DEPENDS libopenblas0-openmp)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS gnuplot-nox)
# What the library is used with.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libcjson-dev, libcsv-dev, libdeflate-dev, libdnnl-dev, libjpeg62-turbo-dev, liblapacke-dev, libopenblas-openmp-dev, libpng-dev, libstemmer-dev, libxml2-dev, libxxhash-dev, zlib1g-dev")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY TRUE) # not the tests: `installed` is all that is needed
include(CPack)
