# SPDX-License-Identifier: MIT
# Unit tests of what of the Xen series needs no Xen: the patches' own files,
# over tests/unit/xen/, which stands in for Xen's headers.
set(xen_src ${CMAKE_BINARY_DIR}/xen-src)
set(xen_files xen/arch/x86/hvm/evidence.c xen/arch/x86/hvm/passage.c
    xen/arch/x86/hvm/record.c xen/arch/x86/mm/p2m-steward.c
    xen/include/xen/evidence.h xen/include/xen/record.h)
list(TRANSFORM xen_files PREPEND ${xen_src}/ OUTPUT_VARIABLE xen_made)
file(GLOB xen_patches CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/xen/patches/*)
add_custom_command(OUTPUT ${xen_made}
    COMMAND ${CMAKE_SOURCE_DIR}/xen/test/extract.sh ${xen_src} ${xen_files}
    DEPENDS ${xen_patches} ${CMAKE_SOURCE_DIR}/xen/test/extract.sh
    COMMENT "xen-src" VERBATIM)
add_library(fh_xen_pure STATIC ${xen_made} xen/sha2.c)
target_include_directories(fh_xen_pure PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/xen
    ${xen_src}/xen/include)
find_library(steward_bearssl NAMES libbearssl.a REQUIRED)
target_link_libraries(fh_xen_pure PUBLIC ${steward_bearssl})
foreach(name evidence passage record view)
    fh_unit_test(xen_${name} fh_xen_pure)
endforeach()
