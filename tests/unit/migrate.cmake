# SPDX-License-Identifier: MIT
# tests/unit/migrate.cmake: dom0's half of a migration

set(FH_MIGRATE fh_migrate fh_common ${LIBUV_LIBRARIES} ${JSONC_LIBRARIES} ${FH_HOST_LIBS}
               ${FH_COMMON_LIBS})

fh_unit_test(migrate_move ${FH_MIGRATE})
target_sources(test_migrate_move PRIVATE movepair.c ../fakes/fake_mover.c)
