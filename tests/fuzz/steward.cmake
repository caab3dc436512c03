# SPDX-License-Identifier: MIT
# Fuzzers of the steward: each includes the real .c it aims at.
include(${CMAKE_SOURCE_DIR}/steward/host.cmake)
foreach(name bzimage cmdline elf export import offer unpack)
    fh_fuzzer(steward_${name} fh_steward_host)
endforeach()
# Behind a handshake of two whole stewards.
foreach(name export import)
    target_sources(fuzz_steward_${name} PRIVATE ../unit/migpair.c
                                                ../fakes/fake_mig.c)
endforeach()
# dom0's half of the control page, under whole stewards.
fh_fuzzer(steward_page fh_steward_host)
target_sources(fuzz_steward_page PRIVATE ../fakes/fake_hosts.c ../fakes/fake_mig.c)
