/* SPDX-License-Identifier: MIT */
/*
 * cases.c - all cases of evil-dom0
 */
#include "tests/evil/cases.h"

#include <string.h>

#include "common/checked.h"

static const struct evil_case *const tables[] = {
    lies_life, lies_offer, lies_elf,   lies_image,
    lies_done, lies_fill,  lies_grant, lies_noise,
};

const struct evil_case *cases_at(uint32_t index)
{
    for (uint32_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct evil_case *c = tables[t]; c->name; c++)
            if (index-- == 0)
                return c;
    return NULL;
}

const struct evil_case *cases_find(const char *name)
{
    const struct evil_case *c;

    for (uint32_t i = 0; (c = cases_at(i)); i++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
