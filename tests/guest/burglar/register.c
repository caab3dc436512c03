/* SPDX-License-Identifier: MIT */
/*
 * register.c - the steward's pages as pages that Xen is to write to
 */
#include "burglar.h"

#include <xen/xen.h>

#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/vcpu.h>

static int vcpu_op(unsigned cmd, uint32_t vcpu, void *arg)
{
    return guest_call(__HYPERVISOR_vcpu_op, cmd, vcpu, (uint32_t)arg);
}

void try_to_register(void)
{
    struct vcpu_register_vcpu_info info = { .mfn = steward_gfn(PAGE_INFO) };
    struct vcpu_register_time_memory_area runstate = {
        .addr.p = (uint64_t)steward_gfn(PAGE_RUNSTATE) * PAGE_BYTES
    };
    struct vcpu_register_time_memory_area time = {
        .addr.p = (uint64_t)steward_gfn(PAGE_TIME) * PAGE_BYTES
    };
    struct evtchn_init_control control = { .control_gfn =
                                               steward_gfn(PAGE_CONTROL) };

    judge("vcpu_info is not registered there",
          vcpu_op(VCPUOP_register_vcpu_info, 1, &info), -XEN_EINVAL);
    judge("the runstate is not",
          vcpu_op(VCPUOP_register_runstate_phys_area, 0, &runstate),
          -XEN_EINVAL);
    judge("the time is not",
          vcpu_op(VCPUOP_register_vcpu_time_phys_area, 0, &time), -XEN_EINVAL);
    judge("a control block of events is not",
          guest_call(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control,
                     (uint32_t)&control, 0),
          -XEN_EINVAL);
}
