/* SPDX-License-Identifier: MIT */
/*
 * devlife.c - a guest's devices over its life
 */
#include "tests/unit/devlife.h"

#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"

struct devlife devlife;

static uv_timer_t later;
static bool (*waits_for)(void);
static void (*then)(void);

static void on_later(uv_timer_t *t)
{
    if (!waits_for())
        uv_timer_start(t, on_later, 1, 0);
    else
        then();
}

void devlife_when(bool (*is_so)(void), void (*next)(void))
{
    waits_for = is_so;
    then = next;
    uv_timer_start(&later, on_later, 1, 0);
}

void devlife_fresh(void)
{
    life_fresh();
    devlife = (struct devlife){ 0 };
}

int devlife_begin(void)
{
    int rc = life_open(&devlife.options);

    if (rc < 0)
        return rc;
    uv_timer_init(&life.loop, &later);
    uv_unref((uv_handle_t *)&later);
    guest_start(life.guest);
    return 0;
}

void devlife_finish(void)
{
    uv_run(&life.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&later, NULL);
    life_finish();
    devlife.finished();
}

void devlife_live(void (*when_running)(struct life *l))
{
    life.when_running = when_running;
    CHECK_EQ(devlife_begin(), 0);
    devlife_finish();
}

uint32_t devlife_sweep(void (*fresh)(uint32_t nr), uint32_t nr)
{
    uint32_t n = 0, nr_calls;

    do {
        fresh(nr);
        life.when_running = life_power_off;
        fake_fail_at(++n);
        if (devlife_begin() == 0) {
            uv_run(&life.loop, UV_RUN_DEFAULT);
            nr_calls = fake.nr_calls;
            devlife_finish();
        } else {
            nr_calls = fake.nr_calls;
            life_finish();
        }
    } while (nr_calls >= n);
    return n;
}

bool devlife_is_ending(void)
{
    return life.guest && life.guest->state == GUEST_ENDING;
}

bool devlife_one_left(void)
{
    return life.guest->devs && !life.guest->devs->next;
}

void devlife_off(void)
{
    life_power_off(&life);
}

void devlife_reboot(void)
{
    fake_shutdown(fake_find(guest_domid(life.guest)), HYP_REBOOT);
}

int devlife_call(const char *method, const char *params,
                 struct json_object **result, struct err *e)
{
    struct json_object *p = json_tokener_parse(params), *own = NULL;
    int rc = guest_call(life.guest, method, p, &own, e);

    json_object_put(p);
    if (result)
        *result = own;
    else
        json_object_put(own);
    return rc;
}

void devlife_refused(const struct devlife_refusal *row, uint32_t nr_rows)
{
    for (uint32_t i = 0; i < nr_rows; i++) {
        struct err e = { 0 };
        int rc = devlife_call(row[i].method, row[i].params, NULL, &e);

        if (rc != row[i].rc || !strstr(e.text, row[i].words))
            print_error("%s %s: %d %s\n", row[i].method, row[i].params, rc,
                        e.text);
        CHECK_EQ(rc, row[i].rc);
        CHECK_HAS(e.text, row[i].words);
    }
}

uint64_t devlife_number(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    CHECK(json_object_object_get_ex(o, key, &v));
    return (uint64_t)json_object_get_int64(v);
}

const char *devlife_text(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
                                                 : "(none)";
}
