# SPDX-License-Identifier: MIT
# Fuzzers of the steward: each includes the real .c it aims at.
include(${CMAKE_SOURCE_DIR}/steward/host.cmake)
foreach(name bzimage cmdline elf offer unpack)
    fh_fuzzer(steward_${name} fh_steward_host)
endforeach()
