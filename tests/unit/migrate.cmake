# SPDX-License-Identifier: MIT
# tests/unit/migrate.cmake: dom0's half of a migration

set(FH_MIGRATE fh_migrate fh_common ${LIBUV_LIBRARIES} ${JSONC_LIBRARIES} ${FH_HOST_LIBS}
               ${FH_COMMON_LIBS})

fh_unit_test(migrate_move ${FH_MIGRATE})
target_sources(test_migrate_move PRIVATE movepair.c ../fakes/fake_mover.c)
fh_unit_test(migrate_wire ${FH_MIGRATE})
find_package(Threads REQUIRED)
fh_unit_test(migrate_relay ${FH_MIGRATE} fh_base ${FH_BASE_LIBS})
target_sources(test_migrate_relay PRIVATE ../fakes/fake_mover.c ../../migrate/seat.c)
fh_unit_test(line ${FH_MIGRATE})
target_sources(test_line PRIVATE ../../migrate/line.c)
fh_unit_test(seat ${FH_MIGRATE} -Wl,--wrap=evt_take)
target_sources(test_seat PRIVATE ../../migrate/seat.c)

# What suite migrate-evil has between the two ends.
fh_unit_test(evil_relay evil_relay)
