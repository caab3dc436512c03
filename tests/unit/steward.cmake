# SPDX-License-Identifier: MIT
# Unit tests of the steward: the real sources against fake_steward.c.
include(${CMAKE_SOURCE_DIR}/steward/host.cmake)
foreach(name acpi bzimage cmdline elf gcm keys launch measure offer plan words track)
    fh_unit_test(steward_${name} fh_steward_host)
endforeach()
# The migration engine, over a domain and its Xen.
foreach(name codec hand migrate tamper)
    fh_unit_test(steward_${name} fh_steward_host)
    target_sources(test_steward_${name} PRIVATE migpair.c ../fakes/fake_mig.c)
endforeach()
# Two whole stewards, with dom0's half of a migration between them.
fh_unit_test(steward_whole fh_steward_host fh_migrate fh_common ${LIBUV_LIBRARIES}
             ${JSONC_LIBRARIES} ${FH_HOST_LIBS} ${FH_COMMON_LIBS})
target_sources(test_steward_whole PRIVATE whole.c ../fakes/fake_hosts.c ../fakes/fake_mig.c)
set_tests_properties(unit_steward_whole PROPERTIES SKIP_RETURN_CODE 77)
