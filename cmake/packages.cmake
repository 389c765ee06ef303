# Debian packages by CPack, one for each component (docs/packages.md). What only packages have is left out of a usual installation.
set(python_folder lib/python3/dist-packages)
install(DIRECTORY python/src/sirencl DESTINATION ${python_folder} COMPONENT python3 EXCLUDE_FROM_ALL
        FILES_MATCHING PATTERN "*.py" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
# What pip would write beside it: its name, version and entry points, as pyproject.toml has them.
set(entry_points "")
set(section "")
file(STRINGS python/pyproject.toml lines)
foreach(line IN LISTS lines)
  if(line MATCHES "^\\[project\\.entry-points\\.\"(.*)\"\\]$")
    set(section ${CMAKE_MATCH_1})
    string(APPEND entry_points "[${section}]\n")
  elseif(line MATCHES "^\\[")
    set(section "")
  elseif(section AND line MATCHES "^(.*) = \"(.*)\"$")
    string(APPEND entry_points "${CMAKE_MATCH_1} = ${CMAKE_MATCH_2}\n")
  endif()
endforeach()
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/dist-info/entry_points.txt "${entry_points}")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/dist-info/METADATA "Metadata-Version: 2.1\nName: sirencl\nVersion: ${PROJECT_VERSION}\n")
install(DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/dist-info/ COMPONENT python3 EXCLUDE_FROM_ALL
        DESTINATION ${python_folder}/sirencl-${PROJECT_VERSION}.dist-info)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sirencl)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "the sirencl authors <sirencl@example.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# Debian's habits: pages of man packed, and a changelog of its form. The date is that of SOURCE_DATE_EPOCH where it is set.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/pack_pages.cmake)
find_program(GZIP gzip)
mark_as_advanced(GZIP)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(changelog ${CMAKE_CURRENT_BINARY_DIR}/packages/changelog)
file(WRITE ${changelog} "sirencl (${PROJECT_VERSION}) unstable; urgency=medium

  * Release ${PROJECT_VERSION}; CHANGELOG.md of the sources tells what changed.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
if(GZIP)
  execute_process(COMMAND ${GZIP} -9nf ${changelog})
endif()

# siren_package(COMPONENT NAME TEXT [DEPENDS]): a package, with license and changelog where Debian looks for them.
function(siren_package component name text)
  string(TOUPPER ${component} upper)
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${component} PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name} PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${text}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${ARGN}" PARENT_SCOPE)
  install(FILES LICENSE DESTINATION share/doc/${name} RENAME copyright COMPONENT ${component} EXCLUDE_FROM_ALL)
  if(GZIP)
    install(FILES ${changelog}.gz DESTINATION share/doc/${name} COMPONENT ${component} EXCLUDE_FROM_ALL)
  endif()
endfunction()
set(CPACK_COMPONENTS_ALL "")
siren_package(decoder libsirencl-decode0 "compression of diffusion MRI: library that only decodes, without OpenCL")
if(SIREN_OPENCL)
  siren_package(program sirencl "compression of diffusion MRI, on OpenCL: program")
  siren_package(library libsirencl0 "compression of diffusion MRI, on OpenCL: library")
  siren_package(dev libsirencl-dev "compression of diffusion MRI, on OpenCL: header and files for building"
                "libsirencl0 (= ${PROJECT_VERSION}), libsirencl-decode0 (= ${PROJECT_VERSION}), zlib1g-dev, liblzma-dev")
  siren_package(python3 python3-sirencl "compression of diffusion MRI, on OpenCL: archives as images of nibabel"
                "python3, python3-numpy, python3-nibabel, libsirencl0 (= ${PROJECT_VERSION})")
  # A device to train on, and what reports and metrics ask for.
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "pocl-opencl-icd | opencl-icd, gnuplot-nox")
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS mrtrix3)
  set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS "pocl-opencl-icd | opencl-icd")
  set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
  set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_SECTION python)
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_ARCHITECTURE all)
  # Compiled files come and go with the package.
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/cmake/python3/postinst
      ${CMAKE_CURRENT_SOURCE_DIR}/cmake/python3/prerm)
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_RECOMMENDS "sirencl, python3-pandas")
endif()
set(CPACK_DEBIAN_DECODER_PACKAGE_SECTION libs)
include(CPack)
