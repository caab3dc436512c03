/* SPDX-License-Identifier: MIT */
/*
 * vifnet.c - a vif's device in a network of a test's own
 */
#include "tests/unit/vifnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/log.h"

int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

struct vif_world w;

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    return __real_uv_timer_start(t, cb, timeout / (w.hurry ? w.hurry : 1),
                                 repeat);
}

void vifnet_done(void *arg, const struct err *failed)
{
    CHECK(arg == &w);
    w.nr_done++;
    w.failed = failed ? *failed : (struct err){ 0 };
}

static void clear_scripts(void)
{
    CHECK_EQ(system("rm -rf " SCRIPT_DIR), 0);
}

void vifnet_fresh_alone(void)
{
    netns_fresh();
    w.hurry = 0;
    w.nr_done = 0;
    w.dev = NULL;
    w.vif = (struct vm_vif){ .has_mac = true };
    w.spec = (struct vifdev_spec){
        .vif = &w.vif,
        .domid = 7,
        .nr_queues = 2,
        .guest = "web",
        .back = "/local/domain/0/backend/fh-vif/7/0",
    };
    clear_scripts();
    CHECK_EQ(mkdir(SCRIPT_DIR, 0755), 0);
    CHECK_EQ(mkdir(HOOK_DIR, 0755), 0);
    CHECK_EQ(uv_loop_init(&w.loop), 0);
}

void vifnet_fresh(void)
{
    vifnet_fresh_alone();
    netns_add_bridge("xenbr0", 9000);
}

int vifnet_open(void)
{
    return vifdev_open(&w.loop, &w.spec, vifnet_done, &w, &w.dev, &w.e);
}

void vifnet_opened(void)
{
    uint32_t before = w.nr_done;
    int rc = vifnet_open();

    if (rc < 0)
        fprintf(stderr, "%s\n", w.e.text);
    CHECK_EQ(rc, 0);
    CHECK_EQ(w.nr_done, before); /* never from here */
    UNTIL(w.nr_done == before + 1);
    if (w.failed.rc)
        fprintf(stderr, "%s\n", w.failed.text);
    CHECK_EQ(w.failed.rc, 0);
}

void vifnet_removed(void)
{
    uint32_t before = w.nr_done;

    vifdev_remove(w.dev, vifnet_done, &w);
    CHECK_EQ(w.nr_done, before);
    UNTIL(w.nr_done == before + 1);
    CHECK_EQ(w.failed.rc, 0);
    vifdev_close(w.dev);
    w.dev = NULL;
}

void vifnet_finish(void)
{
    vifdev_close(w.dev);
    for (int i = 0; i < 100 && uv_run(&w.loop, UV_RUN_NOWAIT); i++)
        ;
    CHECK_EQ(uv_loop_close(&w.loop), 0);
    clear_scripts();
    if (netns_has("xenbr0"))
        netns_remove("xenbr0");
    netns_check_clean();
}

void vifnet_refused(int rc, const char *words)
{
    int before = netns_count();

    CHECK_EQ(vifnet_open(), rc);
    CHECK_HAS(w.e.text, words);
    CHECK(w.dev == NULL);
    CHECK_EQ(netns_count(), before);
}

/* What libuv opens once stays open, and is not to be counted. */
int vifnet_set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    return uv_loop_init(&w.loop) || uv_loop_close(&w.loop);
}
