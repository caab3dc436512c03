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
#include "toolstack/supervisor/vmcpus.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmp9.h"
#include "toolstack/supervisor/vmvdev.h"
#include "toolstack/supervisor/vmviftext.h"

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

static struct vmcfg_options options = { keep, NULL, false };

static int load(const char *text)
{
    struct cfg cfg = { 0 };
    int rc = cfgparse_text(&cfg, "f", text, strlen(text), &err);

    warnings[0] = 0;
    vmcfg_free(&vm);
    if (rc == 0)
        rc = vmcfg_load(&cfg, &vm, &options, &err);
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
        { "kernel='/k'\nmemory=128", -EINVAL, "f: name: got nothing" },
        { "name='a/b'\nkernel='/k'\nmemory=128", -EINVAL,
          "f:1:6: name a/b: got '/'" },
        { "name='..'\nkernel='/k'\nmemory=128", -EINVAL, "got '.' in front" },
        { "name='17'\nkernel='/k'\nmemory=128", -EINVAL, "digits alone" },
        { "name='web-supervisor'\nkernel='/k'\nmemory=128", -EINVAL,
          "name web-supervisor: got what one of our own logs is called" },
        { "name='migrate-receive'\nkernel='/k'\nmemory=128", -EINVAL,
          "one of our own logs" },
        { "name=7\nkernel='/k'\nmemory=128", -EINVAL, "digits alone" },
        { "name='a'\nmemory=128", -EINVAL, "kernel: got nothing" },
        { "name='a'\nkernel=''\nmemory=128", -EINVAL, "kernel: got nothing" },
        { "name='a'\nkernel='/k'", -EINVAL,
          "f: memory: got nothing, want memory=MIB" },
        { BASE "memory=15", -EINVAL, "want 16..1048576" },
        { BASE "memory=1048577", -EINVAL, "want 16..1048576" },
        { BASE "memory='-1'", -EINVAL, "f:5:8: memory: got -1, want 16.." },
        { BASE "maxmem=127", -EINVAL, "want at least memory=128" },
        { BASE "vcpus=0", -EINVAL, "want 1..127" },
        { BASE "vcpus=128", -EINVAL, "want 1..127" },
        { BASE "vcpus=2\nmaxvcpus=1", -EINVAL, "want at least vcpus=2" },
        { BASE "type='hvm'", -EINVAL, "type: got \"hvm\", want \"pvh\"" },
        { BASE "type='pv'", -EINVAL, "type: got \"pv\", want \"pvh\"" },
        { BASE "builder='hvm'", -EINVAL, "builder: got \"hvm\"" },
        { BASE "uuid='xyz'", -EINVAL, "32 hexadecimal digits" },
        { BASE "on_crash='explode'", -EINVAL, "want destroy, restart, pres" },
        { BASE "firmware='pvgrub64'", -EINVAL, "firmware: got kernel= too" },
        { BASE "firmware='ovmf'", -EINVAL, "want pvgrub32 or pvgrub64" },
        { BASE "pci=['01:00.0']", -EPERM, "f:5:1: pci: refused" },
        { BASE "bootloader='pygrub'", -EPERM, "refused" },
        { BASE "nestedhvm=1", -EPERM, "refused" },
        { BASE "max_event_channels=15", -EINVAL, "want 0 or 16..131071" },
        { BASE "cpu_weight=65536", -EINVAL, "want 1..65535" },
        { BASE "cpus='0-'", -EINVAL, "f:5:6: cpus: got \"0-\"" },
        { BASE "cpus=['0','^all']", -EINVAL, "f:5:11: cpus: got \"^all\"" },
        { BASE "cpus='3-1'", -EINVAL, "cpus: got \"3-1\"" },
        { BASE "cpus='-1'", -EINVAL, "cpus: got \"-1\"" },
        { BASE "cpuid='tm=0'", -EINVAL, "want host" },
        { BASE "cpuid='host,tm=2x'", -EINVAL, "cpuid: got \"tm=2x\"" },
        { BASE "cpuid=['1:ecx=x']", -EINVAL, "want LEAF" },
        { BASE "disk=['/a,raw,xvda','/b,raw,xvda']", -EINVAL, "twice" },
        { BASE "disk=['/a,raw,foo']", -EINVAL, "disk: vdev: got \"foo\"" },
        { BASE "disk=['/a,\n", -EINVAL, "string: got the line's end" },
        { BASE "disk=['/a,zip,xvda']", -EINVAL, "f:5:7: disk: format: got" },
        { BASE "disk=['vdev=a,vdev=b,target=/a']", -EINVAL,
          "f:5:7: disk: vdev: got \"b\", want it once" },
        { BASE "disk=[['a']]", -EINVAL, "disk: got a list" },
        { BASE "disk=['colo,vdev=xvda,target=/a']", -EPERM, "COLO" },
        { BASE "disk=['specification=virtio,vdev=xvda,target=/a']", -EINVAL,
          "no device model" },
        { BASE "disk=['backend=dd,vdev=xvda,target=/a']", -EINVAL, "dom0" },
        { BASE "vif=['mac=1:2:3:4:5']", -EINVAL, "f:5:6: vif: mac: got" },
        { BASE "vif=['mac=01:00:5e:00:00:01']", -EINVAL, "not of a group" },
        { BASE "vif=['mac=00:16:3e:00:00:100']", -EINVAL, "six bytes" },
        { BASE "vif=['mtu=67']", -EINVAL, "want 68..65535" },
        { BASE "vif=['rate=1TB/s']", -EINVAL, "want N[G|M|K]" },
        { BASE "vif=['rate=0MB/s']", -EINVAL, "neither 0 nor too much" },
        { BASE "vif=['vlan=0']", -EINVAL, "vif: vlan" },
        { BASE "vif=['type=ioemu']", -EINVAL, "no emulated card" },
        { BASE "vif=['','devid=0']", -EINVAL, "got 0 twice" },
        { BASE "vif=['forwarddev=x']", -EINVAL, "no COLO" },
        { BASE "vif=['backend=driver']", -EINVAL,
          "f:5:6: vif: backend: got \"driver\", want none: dom0 serves it" },
        { BASE "freehold_vif_any_mac=[0]", -EINVAL,
          "freehold_vif_any_mac: got \"0\", want the number" },
        { BASE "vif=['devid=3']\nfreehold_vif_any_mac=[0]", -EINVAL,
          "f:6:23: freehold_vif_any_mac: got \"0\"" },
        { BASE "vif=['']\nfreehold_vif_any_mac=['0x']", -EINVAL, "\"0x\"" },
        { BASE "vif=['']\nfreehold_vif_any_mac=['']", -EINVAL, "\"\"" },
        { BASE "vif=['']\nfreehold_vif_any_mac=[' 0']", -EINVAL, "\" 0\"" },
        { BASE "vif=['']\nfreehold_vif_any_mac=[[0]]", -EINVAL, "a list" },
        { BASE "p9=['tag']", -EINVAL, "want key=value" },
        { BASE "p9=['type=none']", -EINVAL, "want qemu or xen_9pfsd" },
        { BASE "p9=['colour=red']", -EINVAL, "p9: parameter" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int rc = load(bad[i].text);

        if (rc != bad[i].rc || !strstr(err.text, bad[i].words))
            print_error("%s: %d %s\n", bad[i].text, rc, err.text);
        CHECK_EQ(rc, bad[i].rc);
        CHECK_HAS(err.text, bad[i].words);
    }
    done();
}

TEST(odd_keys_are_warned_about)
{
    CHECK_EQ(load(BASE "memry=1\np9=['tag=t,path=/p']\nvnc=1\nzzzzzzzz=1\n"
                       "on_crash='coredump-restart'\ncpu_cap=50"),
             0);
    CHECK_HAS(warnings, "f:5:1: memry: unknown key, no effect; did you mean "
                        "memory?");
    CHECK_HAS(warnings, "f:6:1: p9: checked, but without effect: no file");
    CHECK_HAS(warnings, "vnc: no effect: ");
    CHECK_HAS(warnings, "zzzzzzzz: unknown key, no effect\n");
    CHECK_HAS(warnings, "on_crash: taken as \"restart\"");
    CHECK_HAS(warnings, "cpu_cap: unknown key, no effect; did you mean cap?");
    CHECK_EQ(vm.on_crash, VM_RESTART);
    done();
}

/* xl's way: a warning, and the key is not there. */
TEST(a_value_of_the_wrong_kind_counts_as_none)
{
    CHECK_EQ(load(BASE "vcpus=[2]\nmaxvcpus='many'\non_crash=['restart']\n"
                       "disk='/a,raw,xvda'\nmemory+=1\nmaxmem=256\n"
                       "vif=['colour=red']"),
             0);
    CHECK_HAS(warnings, "f:5:7: vcpus: no effect: got a list, want a number");
    CHECK_HAS(warnings, "maxvcpus: no effect: got many, want a number");
    CHECK_HAS(warnings, "on_crash: no effect: got a list, want a single");
    CHECK_HAS(warnings, "disk: no effect: got a single value, want a list");
    CHECK_HAS(warnings, "memory: no effect: got +=");
    CHECK_HAS(warnings, "vif: colour=red: no effect: no such parameter");
    CHECK_EQ(vm.nr_vcpus, 1);
    CHECK_EQ(vm.on_crash, VM_DESTROY);
    CHECK_EQ(vm.nr_disks, 0);
    CHECK_EQ(vm.target_bytes, 256ull << 20);
    done();
}

TEST(strict_makes_errors_of_these)
{
    static const char *const bad[] = {
        "memry=1", "vcpus=[2]", "vcpus='x'", "disk='/a'", "vif=['colour=red']",
    };
    char text[160];

    options.strict = true;
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        snprintf(text, sizeof(text), BASE "%s", bad[i]);
        CHECK_EQ(load(text), -EINVAL);
        CHECK_HAS(err.text, "f:5:");
    }
    CHECK_EQ(load(BASE "vnc=1\nvif=['bridge=x']"), 0);
    options.strict = false;
    done();
}

TEST(what_asks_for_nothing_is_not_refused)
{
    CHECK_EQ(load(BASE "pci=[]\nnestedhvm=0\nbootloader=''\nvpmu='0'\n"
                       "altp2m='disabled'\nvif=[]\ndisk=[]"),
             0);
    CHECK_STR(warnings, "");
    done();
}

TEST(maxmem_is_what_the_guest_is_built_with)
{
    CHECK_EQ(load(BASE "maxmem=256"), 0);
    CHECK_EQ(vm.ram_bytes, 256ull << 20);
    CHECK_EQ(vm.target_bytes, 128ull << 20);
    CHECK_EQ(load("name='a'\nkernel='/k'\nmaxmem=256"), 0);
    CHECK_EQ(vm.ram_bytes, 256ull << 20);
    CHECK_EQ(vm.target_bytes, 256ull << 20);
    done();
}

TEST(each_way_to_stop_has_its_action)
{
    CHECK_EQ(load(BASE "on_poweroff='preserve'\non_watchdog='restart'\n"
                       "on_soft_reset='destroy'"),
             0);
    CHECK_EQ(vm.on_poweroff, VM_PRESERVE);
    CHECK_EQ(vm.on_watchdog, VM_RESTART);
    CHECK_EQ(vm.on_soft_reset, VM_DESTROY);
    CHECK_EQ(load(BASE "on_reboot='preserve'"), 0);
    CHECK_EQ(vm.on_watchdog, VM_DESTROY);
    CHECK_EQ(vm.on_soft_reset, VM_PRESERVE); /* as a reboot */
    CHECK_EQ(load(BASE "on_crash='rename-restart'\n"
                       "on_soft_reset='soft-reset'"),
             0);
    CHECK_EQ(vm.on_crash, VM_RESTART);
    CHECK_EQ(vm.on_soft_reset, VM_RESTART);
    CHECK_HAS(warnings, "on_crash: taken as \"restart\"");
    done();
}

TEST(what_is_asked_for_is_kept)
{
    CHECK_EQ(load(BASE "disk=['phy:/dev/a,xvda,w','/b.img,qcow2,xvdb1,ro']\n"
                       "vif=['','mac=00:16:3e:01:02:03,bridge=br1,rate=10MB/s,"
                       "untrusted,mtu=9000,vifname=w.0']\n"
                       "p9=['type=xen_9pfsd, tag = t ,path=/srv,max-files=5']\n"
                       "cpus=['0-3,^1','node:1']\ncpus_soft='all'\npool='p'\n"
                       "cpu_weight=512\ncap=50\nnomigrate=1\nmaxvcpus=4\n"
                       "cpuid='host,tm=0,family=6'\nmax_event_channels=2047"),
             0);
    CHECK_EQ(vm.nr_disks, 2);
    CHECK_STR(vm.disks[0].target, "/dev/a");
    CHECK_EQ(vm.disks[0].devid, 51712);
    CHECK(vm.disks[0].writable);
    CHECK_EQ(vm.disks[1].format, VM_DISK_QCOW2);
    CHECK_EQ(vm.disks[1].devid, 51729);
    CHECK(!vm.disks[1].writable);
    CHECK_EQ(vm.nr_vifs, 2);
    CHECK(!vm.vifs[0].has_mac);
    CHECK_EQ(vm.vifs[1].mac[5], 3);
    CHECK_EQ(vm.vifs[1].rate_bytes, 500000);
    CHECK_EQ(vm.vifs[1].rate_usecs, 50000);
    CHECK_EQ(vm.vifs[1].trusted, VM_NO);
    CHECK_EQ(vm.vifs[1].mtu, 9000);
    CHECK_STR(vm.vifs[1].name, "w.0");
    CHECK_EQ(vm.nr_p9s, 1);
    CHECK_STR(vm.p9s[0].tag, "t");
    CHECK_EQ(vm.p9s[0].max_files, 5);
    CHECK_EQ(vm.nr_hard, 2);
    CHECK(vm.hard[0].steps[1].out && vm.hard[0].steps[1].first == 1);
    CHECK(vm.hard[1].steps[0].nodes);
    CHECK(vm.soft[0].steps[0].all);
    CHECK_EQ(vm.cpu_weight, 512);
    CHECK_EQ(vm.max_vcpus, 4);
    CHECK(vm.no_migrate);
    CHECK_EQ(vm.max_event_channels, 2047);
    done();
}

/* What is kept of a card is what was read, in a file as in another process. */
TEST(a_card_survives_text)
{
    struct vm_vif copy;
    char *text[2];

    CHECK_EQ(load(BASE "vif=['','mac=0:16:3E:1-2-3,bridge=br1,vifname=w.0,"
                       "ip=10.0.0.1 fe80::1,script=/s,gatewaydev=eth0,"
                       "vlan=10p/20,rate=1GB/s@1,mtu=9000,trusted,devid=7,"
                       "model=e1000']\nfreehold_vif_any_mac=[7]"),
             0);
    CHECK_HAS(warnings, "f:5:9: vif: model=e1000: no effect: a PVH guest has "
                        "no emulated card");
    CHECK(!vm.vifs[0].any_mac && vm.vifs[1].any_mac);
    CHECK_EQ(vmvif_copy(&vm.vifs[1], &copy, &err), 0);
    CHECK_EQ(copy.devid, 7);
    CHECK(copy.any_mac);
    CHECK_EQ(copy.rate_bytes, 1000000000);
    CHECK_EQ(copy.rate_usecs, 1000000);
    text[0] = vmvif_text(&vm.vifs[1]);
    text[1] = vmvif_text(&copy);
    CHECK_STR(text[0], text[1]);
    CHECK_STR(text[0], "devid=7,mac=00:16:3e:01:02:03,mtu=9000,trusted,"
                       "bridge=br1,vifname=w.0,ip=10.0.0.1 fe80::1,script=/s,"
                       "gatewaydev=eth0,vlan=10p/20");
    free(text[0]);
    free(text[1]);
    vmvif_free(&copy);
    CHECK_EQ(vmvif_read("colour=red", &copy, &err), -EINVAL);
    CHECK_STR(err.text, "vif: colour=red: no effect: no such parameter");
    vmvif_free(&copy);
    done();
}

TEST(a_drawn_address_is_of_xens_and_of_one_card)
{
    static const char *const bad[] = { "",
                                       "0",
                                       "00:16:3e:01:02",
                                       "00:16:3e:01:02:03:04",
                                       "00:16:3e:01:02:100",
                                       "00:16:3e:01:02:0x3",
                                       "00 16 3e 01 02 03" };
    uint8_t mac[2][6], all = 0;
    char text[VMVIF_MAC_TEXT];

    for (int i = 0; i < 64; i++) {
        CHECK_EQ(vmvif_draw_mac(mac[i % 2], NULL), 0);
        vmvif_mac_text(mac[i % 2], text);
        CHECK_EQ(strncmp(text, "00:16:3e:", 9), 0);
        all |= mac[i % 2][3];
    }
    CHECK_EQ(all, 0x7f); /* as libxl: never the upper half */
    CHECK(memcmp(mac[0], mac[1], 6) != 0);
    CHECK_EQ(vmvif_mac_parse(text, mac[0]), 0);
    CHECK_EQ(memcmp(mac[0], mac[1], 6), 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(vmvif_mac_parse(bad[i], mac[0]), -EINVAL);
}

TEST(virtual_devices_have_xens_numbers)
{
    static const struct {
        const char *vdev;
        int rc;
        uint32_t devid;
    } row[] = {
        { "xvda", 0, 202 << 8 },
        { "xvda15", 0, (202 << 8) + 15 },
        { "xvdp15", 0, (202 << 8) + 255 },
        { "xvda16", 0, (1 << 28) + 16 },
        { "xvdq", 0, (1 << 28) + (16 << 8) },
        { "xvdaa", 0, (1 << 28) + (26 << 8) },
        { "xvda256", -EINVAL, 0 },
        { "xvda01", -EINVAL, 0 },
        { "xvd", -EINVAL, 0 },
        { "xvd1", -EINVAL, 0 },
        { "xvdbgqcv", 0, (1 << 28) + (1048575u << 8) },
        { "xvdbgqcw", -EINVAL, 0 },
        { "d0p0", 0, 202 << 8 },
        { "d16p3", 0, (1 << 28) + (16 << 8) + 3 },
        { "d1p256", -EINVAL, 0 },
        { "d-1p0", -EINVAL, 0 },
        { "hda", 0, 3 << 8 },
        { "hdb2", 0, (3 << 8) + 64 + 2 },
        { "hdd63", 0, (22 << 8) + 64 + 63 },
        { "hde", -EINVAL, 0 },
        { "sda", 0, 8 << 8 },
        { "sdp15", 0, (8 << 8) + 255 },
        { "sdq", -EINVAL, 0 },
        { "51712", 0, 51712 },
        { "0xca00", 0, 51712 },
        { "2147483648", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "x", -EINVAL, 0 },
    };
    uint32_t devid;

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        int rc = vmvdev_number(row[i].vdev, &devid);

        if (rc != row[i].rc || (rc == 0 && devid != row[i].devid))
            print_error("%s: %d %u\n", row[i].vdev, rc, devid);
        CHECK_EQ(rc, row[i].rc);
        if (rc == 0)
            CHECK_EQ(devid, row[i].devid);
    }
}

TEST(vlans_have_one_pvid)
{
    static const char *const good[] = { "10", "10p/20", "10p/100+10x4",
                                        "1-5/9p", "5-9u/7p" };
    static const char *const bad[] = { "",     "0",      "4095", "10/20",
                                       "10p/", "10p20p", "1-p",  "10p/20p",
                                       "10+5", "5-9p",   "10 ",  "-1" };

    for (uint32_t i = 0; i < ARRAY_SIZE(good); i++)
        CHECK(vmvif_vlan_good(good[i]));
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK(!vmvif_vlan_good(bad[i]));
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
          RULE(odd_keys_are_warned_about),
          RULE(a_value_of_the_wrong_kind_counts_as_none),
          RULE(strict_makes_errors_of_these),
          RULE(what_asks_for_nothing_is_not_refused),
          RULE(maxmem_is_what_the_guest_is_built_with),
          RULE(each_way_to_stop_has_its_action),
          RULE(what_is_asked_for_is_kept), RULE(a_card_survives_text),
          RULE(a_drawn_address_is_of_xens_and_of_one_card),
          RULE(virtual_devices_have_xens_numbers), RULE(vlans_have_one_pvid),
          RULE(a_uuid_survives_text), RULE(a_command_line_fits_with_its_suffix))
