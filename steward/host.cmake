# SPDX-License-Identifier: MIT
# The steward's parts without machine code, for unit tests and fuzzers.  An
# archive, since a fuzzer brings one of them itself.
if(NOT TARGET fh_steward_host)
    set(steward_host acpi boot bzimage cmdline control dh drbg elf err frame gcm
        gcm_ni grant kdf load main measure mig offer pack place plan ram sha_ni
        state_in state_out unpack track)
    list(TRANSFORM steward_host PREPEND ${CMAKE_SOURCE_DIR}/steward/)
    list(TRANSFORM steward_host APPEND .c)
    find_library(steward_bearssl NAMES libbearssl.a REQUIRED)
    add_library(fh_steward_host STATIC ${steward_host}
        ${CMAKE_SOURCE_DIR}/tests/fakes/fake_steward.c)
    target_compile_definitions(fh_steward_host PUBLIC
        __XEN_INTERFACE_VERSION__=0x00040900)
    target_link_libraries(fh_steward_host PUBLIC ${steward_bearssl})
endif()
