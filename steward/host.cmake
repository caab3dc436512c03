# SPDX-License-Identifier: MIT
# The steward's parts without machine code, for unit tests and fuzzers.  An
# archive, since a fuzzer brings one of them itself.
if(NOT TARGET fh_steward_host)
    set(steward_host acpi boot bzimage cmdline control dh drbg elf err export
        frame gcm gcm_ni grant hand hand_dst hand_src import kdf load machine
        main measure mig movepage mover mover_begin mover_frames mover_mail offer pack place place_page plan ram
        rounds scratch serve sha_ni slots state_in state_out token totals track
        unpack xenworld)
    list(TRANSFORM steward_host PREPEND ${CMAKE_SOURCE_DIR}/steward/)
    list(TRANSFORM steward_host APPEND .c)
    find_library(steward_bearssl NAMES libbearssl.a REQUIRED)
    add_library(fh_steward_host STATIC ${steward_host}
        ${CMAKE_SOURCE_DIR}/tests/fakes/fake_steward.c)
    target_compile_definitions(fh_steward_host PUBLIC
        __XEN_INTERFACE_VERSION__=0x00040900)
    target_link_libraries(fh_steward_host PUBLIC ${steward_bearssl})
endif()
