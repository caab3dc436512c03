/* SPDX-License-Identifier: MIT */
/*
 * posture.c - what keeps dom0 and its devices out of protected guests, in words
 *
 * Xen decides and tells (hyp_posture.h); this file only knows what to say.
 */
#include "toolstack/cli/posture.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/checklist.h"
#include "toolstack/supervisor/hyp_posture.h"

#define BITS 32u

struct condition {
    const char *name, *met, *missing, *why, *remedy;
};

/* By the number of XEN_STEWARD_POSTURE_*. */
static const struct condition table[] = {
    [XEN_STEWARD_POSTURE_iommu] = { "iommu", "in use", "none in use",
                                    "without one, dom0's devices read and "
                                    "write all memory",
                                    "switch on VT-d or AMD-Vi in the firmware; "
                                    "boot Xen without iommu=off" },
    [XEN_STEWARD_POSTURE_intremap] = { "interrupt-remapping", "in use",
                                       "not in use",
                                       "without it, a device sends any "
                                       "interrupt to any CPU",
                                       "needs the IOMMU; boot Xen without "
                                       "iommu=no-intremap and "
                                       "no-amd-iommu-perdev-intremap" },
    [XEN_STEWARD_POSTURE_dom0_strict] = { "dom0-iommu", "strict", "not strict",
                                          "dom0's devices shall reach dom0's "
                                          "memory alone",
                                          "boot Xen with dom0-iommu=strict, "
                                          "and with neither "
                                          "passthrough nor map-inclusive" },
    [XEN_STEWARD_POSTURE_quarantine] = { "quarantine", "on (or no IOMMU)",
                                         "off",
                                         "a device that nobody has may still "
                                         "write where it last did",
                                         "boot Xen without "
                                         "iommu=no-quarantine" },
    [XEN_STEWARD_POSTURE_no_ats] = { "ats", "off", "on",
                                     "a device that translates by itself goes "
                                     "past the IOMMU",
                                     "boot Xen without ats" },
    [XEN_STEWARD_POSTURE_bootscrub] = { "bootscrub", "on", "off",
                                        "memory still holds what the guests "
                                        "before the boot had",
                                        "boot Xen without bootscrub=off" },
    [XEN_STEWARD_POSTURE_no_efi_rs] = { "efi-runtime", "not called", "called",
                                        "Xen runs UEFI code, which dom0 can "
                                        "write",
                                        "boot Xen with efi=no-rs" },
    [XEN_STEWARD_POSTURE_no_vpmu] = { "vpmu", "off", "on",
                                      "counters of events tell what another "
                                      "guest does",
                                      "boot Xen without vpmu" },
    [XEN_STEWARD_POSTURE_vmx_ug] = { "unrestricted-guest",
                                     "there, or not needed", "the CPU has none",
                                     "without it, Xen uses memory of the guest "
                                     "that dom0 names",
                                     "use a newer CPU" },
    [XEN_STEWARD_POSTURE_xpti] = { "meltdown", "closed to dom0", "open to dom0",
                                   "by Meltdown a PV dom0 reads all memory",
                                   "boot Xen with xpti=dom0" },
    [XEN_STEWARD_POSTURE_l1tf] = { "l1tf", "closed to dom0", "open to dom0",
                                   "by L1TF a PV dom0 reads what is in the L1 "
                                   "cache",
                                   "boot Xen with pv-l1tf=dom0" },
};

/* A condition's name; one that was added to Xen since has its number. */
static const char *name_of(uint32_t i, char room[16])
{
    if (i < ARRAY_SIZE(table))
        return table[i].name;
    snprintf(room, 16, "condition-%u", i);
    return room;
}

static void check_option(struct checklist *l, const struct hyp_posture *p)
{
    const char *why = "Xen protects nobody that it was not told to protect";
    char text[32];

    snprintf(text, sizeof(text), "protected=%s%s", p->mode,
             p->lab ? ",lab" : "");
    if (strcmp(p->mode, "on") && strcmp(p->mode, "strict"))
        checklist_add(l, CHECK_FAIL, "boot option", text, why,
                      "boot Xen with protected=on");
    else if (p->lab)
        checklist_add(l, CHECK_NOTE, "boot option", text,
                      "lab: guests are made whatever this host lacks",
                      "for a test alone; elsewhere boot Xen without ,lab");
    else
        checklist_add(l, CHECK_OK, "boot option", text, why, "");
}

static void check_condition(struct checklist *l, const struct hyp_posture *p,
                            uint32_t i)
{
    static const struct condition unknown = {
        .missing = "missing",
        .why = "Xen asks for it, this freehold is older",
        .remedy = "install a newer freehold; xl dmesg has Xen's own words"
    };
    const struct condition *c = i < ARRAY_SIZE(table) ? &table[i] : &unknown;
    char room[16];

    if (p->missing >> i & 1)
        checklist_add(l, p->lab ? CHECK_NOTE : CHECK_FAIL, name_of(i, room),
                      c->missing, c->why, c->remedy);
    else if (p->checked >> i & 1 && c != &unknown)
        checklist_add(l, CHECK_OK, c->name, c->met, c->why, "");
    else if (c != &unknown)
        checklist_add(l, CHECK_NOTE, c->name, "this Xen does not look", c->why,
                      "install a newer Xen of Freehold's");
}

void posture_check(struct checklist *l, const struct hyp_posture *p)
{
    check_option(l, p);
    for (uint32_t i = 0; i < BITS; i++)
        check_condition(l, p, i);
}

struct json_object *posture_object(void)
{
    struct json_object *o, *lacks;
    struct hyp_posture p;
    char room[16];

    if (hyp_posture(&p, NULL) < 0)
        return NULL;
    o = json_object_new_object();
    lacks = json_object_new_array();
    for (uint32_t i = 0; i < BITS; i++)
        if (p.missing >> i & 1)
            json_object_array_add(lacks,
                                  json_object_new_string(name_of(i, room)));
    json_object_object_add(o, "mode", json_object_new_string(p.mode));
    json_object_object_add(o, "lab", json_object_new_boolean(p.lab));
    json_object_object_add(o, "lacks", lacks);
    return o;
}
