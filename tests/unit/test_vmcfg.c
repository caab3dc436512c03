/* SPDX-License-Identifier: MIT */
/*
 * test_vmcfg.c - what a guest's configuration means
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/cfg.h"
#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/vmcfg.h"

#define BASE "name='web'\nkernel='/k'\nmemory=128\ntype='pvh'\n"

static struct vm_config vm;
static struct err err;
static char warnings[2048];

static void keep(void *arg, const char *text)
{
    size_t used = strlen(warnings);

    (void)arg;
    snprintf(warnings + used, sizeof(warnings) - used, "%s\n", text);
}

static int load(const char *text)
{
    struct cfg cfg = { 0 };
    int rc = cfgparse_text(&cfg, "f", text, strlen(text), &err);

    warnings[0] = 0;
    vmcfg_free(&vm);
    if (rc == 0)
        rc = vmcfg_load(&cfg, &vm, keep, NULL, &err);
    cfg_free(&cfg);
    return rc;
}

static void done(void)
{
    vmcfg_free(&vm);
}

TEST(the_smallest_configuration_has_defaults)
{
    CHECK_EQ(load(BASE), 0);
    CHECK_STR(vm.name, "web");
    CHECK_STR(vm.kernel, "/k");
    CHECK(vm.ramdisk == NULL);
    CHECK_STR(vm.cmdline, "");
    CHECK_EQ(vm.ram_bytes, 128ull << 20);
    CHECK_EQ(vm.nr_vcpus, 1);
    CHECK_EQ(vm.on_poweroff, VM_DESTROY);
    CHECK_EQ(vm.on_reboot, VM_RESTART);
    CHECK_EQ(vm.on_crash, VM_DESTROY);
    CHECK(!vm.trust_backends);
    CHECK_STR(warnings, "");
    done();
}

TEST(root_and_extra_join_as_xl_does)
{
    CHECK_EQ(load(BASE "root='/dev/xvda'\nextra='quiet ro'"), 0);
    CHECK_STR(vm.cmdline, "root=/dev/xvda quiet ro");
    CHECK_EQ(load(BASE "root='/dev/xvda'"), 0);
    CHECK_STR(vm.cmdline, "root=/dev/xvda");
    CHECK_EQ(load(BASE "extra='quiet'"), 0);
    CHECK_STR(vm.cmdline, "quiet");
    CHECK_EQ(load(BASE "cmdline='a b'\nroot='/x'"), 0);
    CHECK_STR(vm.cmdline, "a b");
    CHECK_HAS(warnings, "root: no effect, because cmdline is set");
    done();
}

TEST(bad_values_are_refused_with_what_was_wanted)
{
    static const struct {
        const char *text;
        int rc;
        const char *words;
    } bad[] = {
        { "kernel='/k'\nmemory=128", -EINVAL, "name: got nothing" },
        { "name='a/b'\nkernel='/k'\nmemory=128", -EINVAL, "got '/'" },
        { "name='..'\nkernel='/k'\nmemory=128", -EINVAL, "got '.' in front" },
        { "name='17'\nkernel='/k'\nmemory=128", -EINVAL, "digits alone" },
        { "name=7\nkernel='/k'\nmemory=128", -EINVAL, "want a quoted string" },
        { "name='a'\nmemory=128", -EINVAL, "kernel: got nothing" },
        { "name='a'\nkernel=''\nmemory=128", -EINVAL, "kernel: got nothing" },
        { "name='a'\nkernel='/k'", -EINVAL, "memory: got nothing" },
        { BASE "memory=15", -EINVAL, "want 16..1048576" },
        { BASE "memory=1048577", -EINVAL, "want 16..1048576" },
        { BASE "memory='128'", -EINVAL, "want 16..1048576" },
        { BASE "memory=12x", -EINVAL, "want 16..1048576" },
        { BASE "vcpus=0", -EINVAL, "want 1..127" },
        { BASE "vcpus=128", -EINVAL, "want 1..127" },
        { BASE "type='hvm'", -EINVAL, "\"pvh\"" },
        { BASE "uuid='xyz'", -EINVAL, "32 hexadecimal digits" },
        { BASE "on_crash='explode'", -EINVAL, "destroy, restart or preserve" },
        { BASE "pci=['01:00.0']", -EPERM, "refused" },
        { BASE "bootloader='pygrub'", -EPERM, "refused" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_EQ(load(bad[i].text), bad[i].rc);
        CHECK_HAS(err.text, bad[i].words);
    }
    done();
}

TEST(odd_keys_are_warned_about)
{
    CHECK_EQ(load(BASE "memry=1\nvif=['bridge=x']\nvnc=1\nzzzzzzzz=1\n"
                       "on_crash='coredump-restart'"),
             0);
    CHECK_HAS(warnings, "f:5:1: memry: unknown key, no effect; did you mean "
                        "memory?");
    CHECK_HAS(warnings, "f:6:1: vif: no effect yet");
    CHECK_HAS(warnings, "vnc: no effect: ");
    CHECK_HAS(warnings, "zzzzzzzz: unknown key, no effect\n");
    CHECK_HAS(warnings, "on_crash: taken as \"restart\"");
    CHECK_EQ(vm.on_crash, VM_RESTART);
    done();
}

TEST(a_uuid_survives_text)
{
    char text[VM_UUID_TEXT];

    CHECK_EQ(load(BASE "uuid='0123ABCD-4567-89ab-cdef-0011223344ff'"), 0);
    vmcfg_uuid_text(vm.uuid, text);
    CHECK_STR(text, "0123abcd-4567-89ab-cdef-0011223344ff");
    done();
}

TEST(a_command_line_fits_with_its_suffix)
{
    char *text = malloc(2 * FH_CMDLINE_MAX);
    const char suffix[] = " xen_blkfront.trusted=0 xen_netfront.trusted=0";
    uint32_t most = FH_CMDLINE_MAX - sizeof(suffix);

    for (uint32_t over = 0; over < 2; over++) {
        int used = sprintf(text, BASE "cmdline='");

        memset(text + used, 'a', most + over);
        strcpy(text + used + most + over, "'");
        CHECK_EQ(load(text), over ? -EINVAL : 0);
    }
    free(text);
    done();
}

RUN_TESTS(RULE(the_smallest_configuration_has_defaults),
          RULE(root_and_extra_join_as_xl_does),
          RULE(bad_values_are_refused_with_what_was_wanted),
          RULE(odd_keys_are_warned_about), RULE(a_uuid_survives_text),
          RULE(a_command_line_fits_with_its_suffix))
