/* SPDX-License-Identifier: MIT */
/*
 * guest_steward.c - commands for a guest's steward, by way of the control page
 *
 *   steward {"op": "track"}            "pass", "final", "cancel"
 *
 * The answer is an event: steward {"op", "transfer", "passes", "ram_pages",
 * "dirty_pages", "context_bytes"} and, if it failed, {"error", "why"}.  One
 * without "op" says that a suspended guest which goes on made a transfer void.
 *
 * How this works: abi/steward_abi.h has the rules.  What the page says is the
 * guest's to write at any moment: fetched once, shown, and nothing more.
 */
#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/evt.h"
#include "common/log.h"
#include "common/shm.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

static const char *const op_name[] = {
    [FH_OP_NONE] = "",       [FH_OP_TRACK] = "track",   [FH_OP_PASS] = "pass",
    [FH_OP_FINAL] = "final", [FH_OP_CANCEL] = "cancel",
};
/* A migration's are its freehold-migrate's to say. */
_Static_assert(ARRAY_SIZE(op_name) == FH_OP_CANCEL + 1, "op_name");

static struct fh_control *control(const struct guest *g)
{
    return g->load.page.va;
}

void guest_steward_adopt(struct guest *g)
{
    g->command_op = FH_OP_NONE;
    g->transfer = FH_TRANSFER_IDLE;
    if (!control(g))
        return;
    /* Which of them were answered does not matter: none is waited for. */
    g->command_seq = shm_u32(&control(g)->dom0.command.seq);
    g->transfer = shm_u32(&control(g)->steward.answer.transfer);
}

static void command(struct guest *g, uint32_t op)
{
    struct fh_command *w = &control(g)->dom0.command;

    g->command_op = op;
    shm_set_u32(&w->op, op);
    shm_wmb();
    shm_set_u32(&w->seq, ++g->command_seq);
    evt_notify(g->evt, g->doorbell);
}

int guest_steward_cancel(struct guest *g, struct err *e)
{
    if (!control(g) || !g->doorbell)
        return fail(e, -ENOTCONN,
                    "guest %s: steward: the guest took its control page or its "
                    "doorbell away",
                    g->cfg->name);
    command(g, FH_OP_CANCEL);
    return 0;
}

int guest_steward_call(struct guest *g, struct json_object *params,
                       struct err *e)
{
    const char *name = NULL;
    int rc = guest_json_get_text(params, "op", &name, e);

    if (rc < 0)
        return rc;
    if (g->state != GUEST_RUNNING && g->state != GUEST_SUSPENDED)
        return fail(e, -EBUSY,
                    "guest %s: steward: it is %s, want running or "
                    "suspended",
                    g->cfg->name, guest_state_name(g->state));
    if (!control(g) || !g->doorbell)
        return fail(e, -ENOTCONN,
                    "guest %s: steward: the guest took its control page or its "
                    "doorbell away",
                    g->cfg->name);
    if (g->command_op != FH_OP_NONE)
        return fail(e, -EBUSY, "guest %s: steward: it has not answered %s yet",
                    g->cfg->name, op_name[g->command_op]);
    for (uint32_t op = FH_OP_TRACK; name && op <= FH_OP_CANCEL; op++)
        if (strcmp(name, op_name[op]) == 0) {
            command(g, op);
            return 0;
        }
    return fail(e, -EINVAL,
                "steward: op: got %.16s, want track, pass, final or cancel",
                name ? name : "nothing");
}

/* Whatever a guest wrote there, it goes out as text. */
static void add_words(struct json_object *o, const struct fh_answer *a)
{
    char text[sizeof(a->text)];

    memcpy(text, a->text, sizeof(text));
    text[sizeof(text) - 1] = 0;
    for (char *c = text; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    json_object_object_add(o, "error", json_object_new_int64(a->error));
    json_object_object_add(o, "why", json_object_new_string(text));
}

static void tell(struct guest *g, uint32_t op, const struct fh_answer *a)
{
    static const char *const name[] = {
        [FH_TRANSFER_IDLE] = "idle",
        [FH_TRANSFER_TRACKING] = "tracking",
        [FH_TRANSFER_FINAL] = "final",
    };
    struct json_object *o = json_object_new_object();
    const char *transfer =
        a->transfer < FH_TRANSFERS ? name[a->transfer] : "unknown";

    _Static_assert(ARRAY_SIZE(name) == FH_TRANSFERS, "name");
    if (op != FH_OP_NONE)
        json_object_object_add(o, "op", json_object_new_string(op_name[op]));
    json_object_object_add(o, "transfer", json_object_new_string(transfer));
    json_object_object_add(o, "passes", json_object_new_int64(a->nr_passes));
    json_object_object_add(o, "ram_pages",
                           json_object_new_uint64(a->ram_pages));
    json_object_object_add(o, "dirty_pages",
                           json_object_new_uint64(a->dirty_pages));
    json_object_object_add(o, "context_bytes",
                           json_object_new_uint64(a->context_bytes));
    if (a->error != FH_ERR_NONE)
        add_words(o, a);
    guest_event(g, "steward", o);
}

void guest_steward_rang(struct guest *g)
{
    uint32_t op = g->command_op;
    struct fh_answer a;

    if (!control(g) ||
        (g->state != GUEST_RUNNING && g->state != GUEST_SUSPENDED))
        return;
    if (op != FH_OP_NONE &&
        shm_u32(&control(g)->steward.answer.seq) != g->command_seq)
        return; /* not yet */
    if (op == FH_OP_NONE &&
        shm_u32(&control(g)->steward.answer.transfer) == g->transfer)
        return; /* it rang for something else */
    shm_rmb();  /* seq is written last */
    shm_fetch(&a, &control(g)->steward.answer, sizeof(a));
    g->command_op = FH_OP_NONE;
    g->transfer = a.transfer;
    tell(g, op, &a);
}
