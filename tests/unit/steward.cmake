# SPDX-License-Identifier: MIT
# Unit tests of the steward: the real sources against fake_steward.c.
include(${CMAKE_SOURCE_DIR}/steward/host.cmake)
foreach(name acpi bzimage cmdline elf launch measure offer plan track
        words)
    fh_unit_test(steward_${name} fh_steward_host)
endforeach()
