/* SPDX-License-Identifier: MIT */
/*
 * test_netback.c - what a directory of the test's own says dom0's kernel drives
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "toolstack/supervisor/netback.h"

static void clear(void)
{
    CHECK_EQ(system("rm -rf " XEN_BACKEND_BUS), 0);
}

static void make(const char *path)
{
    CHECK_EQ(mkdir(path, 0755), 0);
}

TEST(a_driver_is_loaded_when_the_bus_has_it)
{
    clear();
    CHECK(!netback_is_loaded()); /* no Xen */
    make(XEN_BACKEND_BUS);
    make(XEN_BACKEND_BUS "/drivers");
    make(XEN_BACKEND_BUS "/drivers/vbd");
    CHECK(!netback_is_loaded());
    make(XEN_BACKEND_BUS "/drivers/vif");
    CHECK(netback_is_loaded());
    clear();
}

/* Each device that xl writes has a place there, whoever serves it. */
TEST(a_device_is_driven_when_it_has_a_driver)
{
    clear();
    make(XEN_BACKEND_BUS);
    make(XEN_BACKEND_BUS "/drivers");
    make(XEN_BACKEND_BUS "/drivers/vif");
    make(XEN_BACKEND_BUS "/devices");
    make(XEN_BACKEND_BUS "/devices/vif-7-0");
    make(XEN_BACKEND_BUS "/devices/vif-7-1");
    CHECK_EQ(
        symlink("../../drivers/vif", XEN_BACKEND_BUS "/devices/vif-7-1/driver"),
        0);
    CHECK(!netback_drives(7, 0));
    CHECK(netback_drives(7, 1));
    CHECK(!netback_drives(71, 1));
    clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_driver_is_loaded_when_the_bus_has_it),
        RULE(a_device_is_driven_when_it_has_a_driver),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
